"""Jurisdictions and the versions of their boundaries: one commit at a time, nothing ever overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, text
from sqlalchemy.dialects.postgresql import insert as pg_insert

from gis.errors import ConflictError
from zones.tables import boundary_set, jurisdiction

# Intake holds this lock shared while it reads boundaries; a commit of boundaries holds it alone. So an incident sees
# one boundary set whole, and its number in the receipt is the one it saw.
BOUNDARY_LOCK = 1_312_112

VERSION = text(
    """
INSERT INTO siaga.boundary_version (jurisdiction_id, version, geom, geom_m, priority, valid, recorded_at, recorded_by,
                                    source, is_approximate, digest, boundary_set, name)
SELECT :jurisdiction_id,
       coalesce((SELECT max(version) FROM siaga.boundary_version WHERE jurisdiction_id = :jurisdiction_id), 0) + 1,
       g, ST_Multi(ST_Transform(g, :srid)), :priority, tstzrange(:valid_from, NULL, '[)'), :now, :actor,
       :source, :is_approximate, encode(sha256(ST_AsBinary(g, 'NDR')), 'hex'), :boundary_set, :name
FROM (SELECT ST_Multi(ST_GeomFromWKB(:wkb, 4326)) AS g) s
RETURNING boundary_version_id, version
"""
)


@dataclass(frozen=True, kw_only=True)
class NewBoundary:
    """A boundary to be put in force.

    Attributes
    ----------
    wkb
        Valid polygon or multipolygon, EPSG:4326, as WKB.
    priority
        1 wins over 2.
    name
        What it is called while the boundary is in force; `None`: the jurisdiction's own name.
    """

    wkb: bytes
    priority: int
    source: str
    is_approximate: bool = False
    name: str | None = None


def open_set(tx: Connection, *, actor: str, reason: str, now: datetime) -> int:
    """Start a commit of boundaries: wait for intakes under way, keep new ones out until the transaction ends.

    Returns
    -------
    int
        Number of the boundary set.
    """
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": BOUNDARY_LOCK})
    return int(
        tx.execute(
            insert(boundary_set)
            .values(committed_at=now, actor=actor, reason=reason)
            .returning(boundary_set.c.boundary_set)
        ).scalar_one()
    )


def ensure(tx: Connection, *, service: str, agency: str, code: str, name: str, is_citywide: bool = False) -> str:
    """Return the id of the jurisdiction, made if it is new; its name follows the newest import."""
    statement = (
        pg_insert(jurisdiction)
        .values(service_code=service, agency_code=agency, code=code, name=name, is_citywide=is_citywide)
        .on_conflict_do_update(
            constraint="uq_jurisdiction_service_code_agency_code_code", set_={"name": name, "is_citywide": is_citywide}
        )
        .returning(jurisdiction.c.jurisdiction_id)
    )
    return str(tx.execute(statement).scalar_one())


def add_version(
    tx: Connection,
    jurisdiction_id: str,
    boundary: NewBoundary,
    *,
    boundary_set_number: int,
    valid_from: datetime,
    srid: int,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """Record a version in force from `valid_from`; the one in force then ends there (`supersede`).

    Raises
    ------
    ConflictError
        A version valid from a later moment exists already.
    """
    supersede(tx, jurisdiction_id, at=valid_from, boundary_set_number=boundary_set_number)
    row = tx.execute(
        VERSION,
        {
            "jurisdiction_id": jurisdiction_id,
            "srid": srid,
            "priority": boundary.priority,
            "valid_from": valid_from,
            "now": now,
            "actor": actor,
            "source": boundary.source,
            "is_approximate": boundary.is_approximate,
            "boundary_set": boundary_set_number,
            "name": boundary.name,
            "wkb": boundary.wkb,
        },
    ).one()
    return {"boundary_version_id": row.boundary_version_id, "version": row.version}


def supersede(tx: Connection, jurisdiction_id: str, *, at: datetime, boundary_set_number: int) -> int:
    """End the version of a jurisdiction that is in force at `at`; half-open, so `at` itself belongs to the next.

    Returns
    -------
    int
        How many versions ended (0 or 1).

    Raises
    ------
    ConflictError
        A version starts at `at` or later; ends are set once and in order.
    """
    later = tx.execute(
        text(
            "SELECT version, lower(valid) AS start FROM siaga.boundary_version"
            " WHERE jurisdiction_id = :id AND lower(valid) >= :at ORDER BY start LIMIT 1"
        ),
        {"id": jurisdiction_id, "at": at},
    ).one_or_none()
    if later is not None:
        raise ConflictError(
            f"jurisdiction {jurisdiction_id}: version {later.version} is in force from {later.start.isoformat()};"
            f" a change must start after that, not at {at.isoformat()}"
        )
    return tx.execute(
        text(
            "UPDATE siaga.boundary_version SET valid = tstzrange(lower(valid), :at, '[)'), ended_set = :number"
            " WHERE jurisdiction_id = :id AND upper_inf(valid) AND lower(valid) < :at"
        ),
        {"id": jurisdiction_id, "at": at, "number": boundary_set_number},
    ).rowcount
