"""What an import found and did, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, update

from data.polygon_findings import draw, save_map
from gis.errors import Finding
from gis.tables import audit, city
from gis.words import Role


@dataclass(kw_only=True)
class ImportReport:
    """The result of one import.

    Attributes
    ----------
    counts
        What was written (or would be), by name.
    is_refused
        Nothing was written, for the reasons in `findings`.
    details
        What a kind of import says besides, by name; only in the JSON.
    """

    file: str
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    is_dry_run: bool = False
    is_refused: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        """The findings that refuse a row or the file."""
        return [finding for finding in self.findings if finding.level == "error"]

    def settle(self) -> ImportReport:
        """Put the findings in order of rows and refuse the file when one of them is an error; return the report."""
        self.findings.sort(key=lambda finding: finding.row or 0)
        self.is_refused = bool(self.errors)
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "file": self.file,
            "refused": self.is_refused,
            "dry_run": self.is_dry_run,
            "counts": self.counts,
            **({"details": self.details} if self.details else {}),
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        path.write_text(json.dumps(self.as_dict(), ensure_ascii=False, indent=1, default=str) + "\n")

    def save_map(self, path: Path) -> None:
        """Write the findings that have a place as GeoJSON, EPSG:4326, with the piece each speaks of."""
        save_map(path, draw(self.findings))


def note_import(tx: Connection, what: str, report: ImportReport, *, subject: str, actor: str, now: datetime) -> None:
    """Record an import in the audit, and let every process read the city anew (its revision grows)."""
    tx.execute(update(city).values(revision=city.c.revision + 1))
    tx.execute(
        insert(audit).values(
            at=now,
            actor=actor,
            actor_role=Role.ADMIN,
            action=f"import.{what}",
            subject=subject,
            detail={"file": Path(report.file).name, **report.counts},
        )
    )
