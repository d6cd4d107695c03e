"""What the documents show is what the program does: commands parse, links lead somewhere, the contract's rows exist."""

from __future__ import annotations

import re
import shlex

import pytest

from ops.__main__ import COMMANDS, make_parser, shield_negatives
from tests.conftest import ROOT

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)


def commands_in(document):
    for block in re.findall(r"^```(?:bash|sh)?\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("./siaga ") and "…" not in line:
                yield line.split("  #")[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_commands_of_the_readme_parse():
    lines = list(commands_in(ROOT / "README.md"))
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line)[1:]
        if words[0] != "test":
            args = make_parser().parse_args(shield_negatives(words))
            assert args.command == words[0]


def test_every_command_is_in_the_contract():
    contract = (ROOT / "docs/contracts.md").read_text()
    for name in (command.rstrip("_") for command in COMMANDS):
        assert re.search(rf"`(\./siaga )?{name}\b", contract), name


def test_the_gate_is_the_readmes_test_command():
    assert "./siaga test" in (ROOT / ".ci/run").read_text()
    assert "```\n./siaga test\n```" in (ROOT / "README.md").read_text()


def test_every_environment_variable_is_listed():
    listed = (ROOT / ".env.example").read_text()
    packages = ("gis", "zones", "routing_engine", "data", "dashboard", "api", "ops")
    for package in packages:
        for file in (ROOT / package).rglob("*.py"):
            for name in re.findall(r"\bSIAGA_[A-Z_]+\b", file.read_text()):
                assert name in listed, f"{file.relative_to(ROOT)}: {name}"
