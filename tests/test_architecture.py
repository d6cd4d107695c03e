"""Imports point inwards: the table of docs/architecture.md."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

DOMAIN = {"gis", "zones", "routing_engine"}
ALLOWED = {
    "gis": set(),
    "zones": {"gis"},
    "routing_engine": {"gis", "zones"},
    "data": DOMAIN,
    "dashboard": DOMAIN | {"data"},
    "api": DOMAIN,
    "ops": DOMAIN | {"data", "api"},
}


def imported_names(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_inwards(package):
    files = list((ROOT / package).rglob("*.py"))
    seen = {name.split(".")[0] for file in files for name in imported_names(file)}
    assert files
    assert seen & ALLOWED.keys() <= ALLOWED[package] | {package}


def test_the_road_network_knows_no_agency():
    files = (ROOT / "routing_engine/network").rglob("*.py")
    seen = {name for file in files for name in imported_names(file)}
    assert not {name for name in seen if name.startswith(("zones", "routing_engine.dispatch"))}


def test_pages_hold_no_sql():
    for file in (ROOT / "dashboard").rglob("*.py"):
        names = set(imported_names(file))
        if not file.name.endswith("services.py"):
            assert not {name for name in names if name.startswith(("sqlalchemy", "psycopg2"))}, file


def test_folium_is_imported_in_one_place():
    users = {
        str(file.relative_to(ROOT))
        for package in ALLOWED
        for file in (ROOT / package).rglob("*.py")
        if any(name.split(".")[0] in ("folium", "branca") for name in imported_names(file))
    }
    assert users <= {"dashboard/components/maps.py"}
