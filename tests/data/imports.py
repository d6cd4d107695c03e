"""What the tests of imports share: the small city of squares, and files made for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import Engine, text

from data.import_report import ImportReport
from gis.errors import Finding
from gis.settings import ROOT
from ops.processes import wait_until

NOW = datetime(2026, 5, 1, 4, tzinfo=UTC)
WEST, SOUTH, EAST, NORTH = 122.45, -4.05, 122.55, -3.95
MIDDLE_X, MIDDLE_Y = 122.50, -4.00


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a rectangle; EPSG:4326."""
    return shapely.box(west, south, east, north)


def quarters(**more: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the four kelurahan of the small city: `code`, `name`, `geometry`, and the changes given by code."""
    rows: list[dict[str, Any]] = [
        {"code": "B1", "name": "Barat Daya", "geometry": box(WEST, SOUTH, MIDDLE_X, MIDDLE_Y)},
        {"code": "B2", "name": "Barat Laut", "geometry": box(WEST, MIDDLE_Y, MIDDLE_X, NORTH)},
        {"code": "T1", "name": "Tenggara", "geometry": box(MIDDLE_X, SOUTH, EAST, MIDDLE_Y)},
        {"code": "T2", "name": "Timur Laut", "geometry": box(MIDDLE_X, MIDDLE_Y, EAST, NORTH)},
    ]
    return [row | more.get(row["code"], {}) for row in rows]


def geojson(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows with a `geometry` as GeoJSON."""
    features = [
        {
            "type": "Feature",
            "properties": {name: value for name, value in row.items() if name != "geometry"},
            "geometry": shapely.geometry.mapping(row["geometry"]),
        }
        for row in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def warnings_of(report: ImportReport) -> list[Finding]:
    """Return the findings that refuse nothing."""
    return [finding for finding in report.findings if finding.level == "warning"]


def of_kind(report: ImportReport, *kinds: str) -> list[Finding]:
    """Return the findings of some kinds, in order."""
    return [finding for finding in report.findings if getattr(finding, "kind", "") in kinds]


def kinds_of(report: ImportReport) -> set[str]:
    """Return the kinds of findings there are."""
    return {getattr(finding, "kind", "") for finding in report.findings}


def kill_while_waiting(engine: Engine, code: str, *arguments: str, statement: str) -> None:
    """Run `code` in a process of its own, and kill it as it waits for the lock that `statement` needs.

    `statement` is how the query begins that waits; the caller holds what it waits for.
    """
    child = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, stderr=subprocess.PIPE)
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query LIKE :begins || '%'"
    )

    def is_waiting() -> bool:
        with engine.connect() as look:
            return bool(look.execute(waiting, {"begins": statement}).scalar_one()) or child.poll() is not None

    try:
        assert wait_until(is_waiting, 60, every_s=0.05)
        assert child.poll() is None, child.stderr and child.stderr.read().decode()
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        child.communicate()
