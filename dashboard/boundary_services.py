"""What the boundary pages ask while they are drawn: services with boundaries, and files of polygons judged and mended.

Everything else of those pages goes through the browser API.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import shapely
from sqlalchemy import Engine, text

from data.import_areas import area_scope
from data.import_boundaries import IN_FORCE, Target, boundary_scope
from data.polygon_repair import Repair, propose_repair
from data.polygon_review import Review, Scope, review
from data.polygon_table import Fields
from gis.actors import Actor
from gis.city import read_city
from gis.db import database_now, transaction
from gis.errors import DataError, ValueRefused
from gis.messages import message
from gis.words import SERVICES, Role
from zones import drafts

CHECKERS = (Role.AGENCY, Role.SUPERVISOR, Role.ADMIN)
AGENCIES = text("SELECT DISTINCT agency_code FROM siaga.jurisdiction WHERE service_code = :service ORDER BY 1")

SERVED = text(
    """
SELECT j.service_code, coalesce(bool_or(j.agency_code = CAST(:agency AS text)), false) AS is_own,
       count(*) FILTER (WHERE NOT j.is_citywide) > 1 AS is_divided
FROM siaga.jurisdiction j
WHERE EXISTS (SELECT FROM siaga.boundary_version v WHERE v.jurisdiction_id = j.jurisdiction_id)
GROUP BY j.service_code
"""
)


def services_with_boundaries(engine: Engine, actor: Actor) -> list[str]:
    """Return codes of services that have, had or will have boundaries.

    The actor's own come first, then those divided among several, each in the order of the vocabulary.
    """
    with transaction(engine) as tx:
        rows = tx.execute(SERVED, {"agency": actor.agency}).all()
    known = {code: place for place, code in enumerate(SERVICES)}
    rows.sort(key=lambda row: (not row.is_own, not row.is_divided, known.get(row.service_code, len(known))))
    return [row.service_code for row in rows]


@dataclass(frozen=True, kw_only=True)
class FileChoice:
    """What an uploaded file is said to be.

    Attributes
    ----------
    level
        Level of administrative areas; ``""`` for jurisdictions, which then have `service` and `agency`.
    code_field, name_field, crs
        Empty where the file itself should say.
    """

    level: str = ""
    service: str = ""
    agency: str = ""
    code_field: str = ""
    name_field: str = ""
    crs: str = ""


class FileServices:
    """Uploaded files of polygons, judged and mended in a child process. Nothing is written but a draft asked for.

    Safe to share between sessions and threads.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def agencies(self, service: str) -> list[str]:
        """Return codes of agencies that have jurisdictions of a service."""
        with transaction(self.engine) as tx:
            return list(tx.execute(AGENCIES, {"service": service}).scalars())

    def judge(self, name: str, content: bytes, choice: FileChoice, actor: Actor) -> Review:
        """Return everything that is wrong with a file.

        Raises
        ------
        DataError
            The file cannot be read at all; the text names the file as it was uploaded.
        ForbiddenError
            The role may not.
        """
        actor.require(*CHECKERS)
        scope = self._scope(choice)
        with _uploaded(name, content) as path, _named(path, name):
            return review(path, scope, fields=_fields(choice), assume_crs=choice.crs or None)

    def mend(
        self, name: str, content: bytes, choice: FileChoice, actor: Actor, *, tolerance_m: float
    ) -> tuple[Repair, bytes]:
        """Return a repair as a proposal, and the repaired file (GeoJSON; empty where none is possible).

        Raises
        ------
        DataError, ForbiddenError
            As `judge`; or the repair had to be stopped.
        """
        actor.require(*CHECKERS)
        scope = self._scope(choice)
        with _uploaded(name, content) as path, _named(path, name):
            made = propose_repair(
                path, scope, tolerance_m=tolerance_m, fields=_fields(choice), assume_crs=choice.crs or None
            )
            if made.layer is None:
                return made, b""
            out = path.with_name("repaired.geojson")
            made.save(out)
            return made, out.read_bytes()

    def to_draft(
        self, title: str, choice: FileChoice, rows: gpd.GeoDataFrame, actor: Actor, language: str
    ) -> tuple[str, int]:
        """Begin a draft that gives the jurisdictions of a file its shapes, and return its id and how many change.

        Jurisdictions the file does not name stay as they are.

        Parameters
        ----------
        rows
            `code`, `name`, `geometry` (EPSG:4326), all valid.

        Raises
        ------
        ForbiddenError
            The role may not, or the file is of another agency.
        ValueRefused
            A shape that no edit takes; then there is no draft.
        """
        with transaction(self.engine) as tx:
            city, now = read_city(tx), database_now(tx)
            draft_id = drafts.create(
                tx, {"title": title, "service": choice.service}, city=city, actor=actor, now=now, language=language
            )
            known = {row.code for row in tx.execute(IN_FORCE, {"service": choice.service, "start": now})
                     if row.agency == choice.agency}  # fmt: skip
            version, n = 1, 0
            for row in rows.itertuples():
                whose = (
                    {"jurisdiction": f"{choice.agency}/{row.code}"}
                    if row.code in known
                    else {"new": {"code": row.code, "name": row.name, "agency": choice.agency}}
                )
                body = {
                    "version": version,
                    "kind": "replace",
                    "geometry": json.loads(shapely.to_geojson(row.geometry)),
                    "rest": "nobody",
                    "snap_m": 0,
                    **whose,
                }
                try:
                    drafts.edit(tx, draft_id, body, city=city, actor=actor, now=now, language=language)
                except ValueRefused as refusal:
                    if refusal.findings and refusal.findings[0].reason == message("draft_no_news", language):
                        continue
                    raise ValueRefused(f"{row.code}: {refusal}", refusal.findings) from refusal
                version, n = version + 1, n + 1
            if not n:
                raise ValueRefused.of("file", message("draft_no_news", language))
            return draft_id, n

    def _scope(self, choice: FileChoice) -> Scope:
        with transaction(self.engine) as tx:
            city = read_city(tx)
            if choice.level:
                return area_scope(tx, city, choice.level)
            target = Target(
                agency=choice.agency, service=choice.service, priority=100, start=database_now(tx), keep_others=True
            )
            return boundary_scope(tx, city, target)


@contextmanager
def _uploaded(name: str, content: bytes) -> Iterator[Path]:
    """Put an upload into a folder of its own under a name of ours: only its ending is taken."""
    with tempfile.TemporaryDirectory(prefix="siaga-upload-") as folder:
        path = Path(folder) / f"upload{Path(name).suffix.lower()[:12]}"
        path.write_bytes(content)
        yield path


@contextmanager
def _named(path: Path, name: str) -> Iterator[None]:
    """Let refusals name the file as it was uploaded, not where it lies for a moment."""
    try:
        yield
    except DataError as error:
        raise DataError(str(error).replace(str(path), name)) from error


def _fields(choice: FileChoice) -> Fields:
    return Fields(code=choice.code_field or None, name=choice.name_field or None)
