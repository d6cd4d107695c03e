"""Writes a city folder into the database, or brings the database in step with a changed folder.

Runs as the owner of the schema. Running it twice changes nothing the second time. What incidents refer to is never
taken away: rules end, stations rest, boundaries get a new version.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.dialects.postgresql import Range

from data.city import City
from data.city_sync import Row, TableSync, geometry_digest, to_wkb
from gis.actors import Actor
from gis.errors import ConflictError
from gis.tables import audit, incident_type, place
from gis.tables import city as city_table
from routing_engine.dispatch.tables import ladder_step, sop_rule, station
from routing_engine.network.tables import road_speed
from zones.jurisdictions import NewBoundary, add_version, ensure, open_set, supersede
from zones.tables import admin_area, agency, contact, neighbour, service

AREAS = text(
    """
SELECT level, code, name, parent_code, is_approximate, source, ST_SRID(geom_m) AS srid,
       encode(sha256(ST_AsBinary(geom, 'NDR')), 'hex') AS digest
FROM siaga.admin_area
"""
)

WRITE_AREA = text(
    """
INSERT INTO siaga.admin_area (level, code, name, parent_code, geom, geom_m, is_approximate, source)
SELECT :level, :code, :name, :parent_code, g, ST_Transform(g, :srid), :is_approximate, :source
FROM (SELECT ST_Multi(ST_GeomFromWKB(:wkb, 4326)) AS g) s
ON CONFLICT (level, code) DO UPDATE SET name = excluded.name, parent_code = excluded.parent_code,
  geom = excluded.geom, geom_m = excluded.geom_m, is_approximate = excluded.is_approximate, source = excluded.source
"""
)

BOUNDARIES = text(
    """
SELECT j.jurisdiction_id, j.service_code AS service, j.agency_code AS agency, j.code, j.name, j.is_citywide,
       v.digest, v.priority, lower(v.valid) AS valid_from,
       (SELECT max(upper(w.valid)) FROM siaga.boundary_version w WHERE w.jurisdiction_id = j.jurisdiction_id
          AND NOT upper_inf(w.valid)) AS ended_at
FROM siaga.jurisdiction j
LEFT JOIN siaga.boundary_version v ON v.jurisdiction_id = j.jurisdiction_id AND upper_inf(v.valid)
"""
)

# Kelurahan and named waters with a margin: inside it, somebody is responsible even where no boundary covers a point.
SERVICE_AREA = text(
    """
UPDATE siaga.city SET service_area = s.area
FROM (SELECT ST_Multi(ST_Transform(ST_GeomFromWKB(:wkb, :srid), 4326)) AS area) s
WHERE service_area IS NULL OR ST_AsBinary(service_area) <> ST_AsBinary(s.area)
"""
)

# A rule that was never in force leaves no trace; one that was ends.
FORGET_RULES = text("DELETE FROM siaga.sop_rule WHERE rule_code = ANY (:codes) AND lower(valid) >= :now")
END_RULES = text(
    "UPDATE siaga.sop_rule SET valid = tstzrange(lower(valid), :now, '[)')"
    " WHERE rule_code = ANY (:codes) AND (upper_inf(valid) OR upper(valid) > :now)"
)
# Rules of a type that left the folder and that no report ever had.
FORGET_TYPES = text(
    """
DELETE FROM siaga.sop_rule r WHERE type_code <> ALL (:types)
  AND NOT EXISTS (SELECT FROM siaga.report WHERE type_code = r.type_code)
  AND NOT EXISTS (SELECT FROM siaga.incident WHERE type_code = r.type_code)
"""
)

WRITE_NEIGHBOUR_AREA = text(
    "UPDATE siaga.neighbour SET geom_area = ST_Multi(ST_GeomFromWKB(:wkb, 4326)) WHERE name = :name"
    " AND (geom_area IS NULL OR encode(sha256(ST_AsBinary(geom_area, 'NDR')), 'hex') <> :digest)"
)
CLEAR_NEIGHBOUR_AREAS = text(
    "UPDATE siaga.neighbour SET geom_area = NULL WHERE geom_area IS NOT NULL AND name <> ALL (:names)"
)


def init_city(
    tx: Connection, city: City, actor: Actor, now: datetime, *, is_demo: bool | None = None
) -> dict[str, int]:
    """Write a city that `check_city` found good.

    Parameters
    ----------
    now
        Database clock; what ends, ends then.
    is_demo
        `None` leaves it as it is (a new city is none).

    Returns
    -------
    dict
        Rows written by part, zeros included; `city` is 1 when anything changed, and then the city's revision grew.

    Raises
    ------
    ConflictError
        A type, agency or service that incidents refer to has left the folder, or the database holds another city.
    """
    tx.execute(text("LOCK TABLE siaga.city IN SHARE ROW EXCLUSIVE MODE"))
    written = {"city": write_facts(tx, city, is_demo=is_demo)}
    written["services"] = write_services(tx, city)
    written["agencies"] = write_agencies(tx, city)
    written["contacts"] = write_contacts(tx, city)
    written["neighbours"] = write_neighbours(tx, city)
    written["types"] = write_types(tx, city)
    written["rules"] = write_rules(tx, city, now)
    written["ladder"] = write_ladder(tx, city)
    written["stations"] = write_stations(tx, city)
    written["places"] = write_places(tx, city)
    written["areas"] = write_areas(tx, city)
    written["boundaries"] = write_boundaries(tx, city, actor, now)
    written["speeds"] = write_speeds(tx, city)
    written["service_area"] = tx.execute(
        SERVICE_AREA, {"wkb": to_wkb(city.service_area_m()), "srid": city.metric_srid}
    ).rowcount
    written["removed"] = remove_unused(tx, city)
    if any(written.values()):
        written["city"] = 1
        tx.execute(update(city_table).values(revision=city_table.c.revision + 1))
        detail = {name: n for name, n in written.items() if n}
        row = {"at": now, "actor": actor.name, "actor_role": actor.role, "action": "city", "subject": city.code}
        tx.execute(insert(audit).values(**row, detail=detail))
    return written


def write_facts(tx: Connection, city: City, *, is_demo: bool | None) -> int:
    """Write the row of `city`."""
    row: Row = {
        "code": city.code,
        "name": city.name,
        "time_zone": str(city.time_zone),
        "number_prefix": city.number_prefix,
        "metric_srid": city.metric_srid,
        "fallback_m": city.fallback_m,
        "settings": city.settings,
    }
    columns = [city_table.c[name] for name in (*row, "is_demo")]
    present = tx.execute(select(*columns)).mappings().one_or_none()
    if present is None:
        tx.execute(insert(city_table).values(**row, is_demo=bool(is_demo), revision=0))
        return 1
    if present["code"] != city.code:
        raise ConflictError(
            f"the database holds the city {present['code']!r}, not {city.code!r}; take another state folder"
        )
    if present["metric_srid"] != city.metric_srid:
        raise ConflictError(
            f"metric_srid is {present['metric_srid']} in the database; it cannot change to {city.metric_srid}"
        )
    row["is_demo"] = present["is_demo"] if is_demo is None else is_demo
    if all(present[name] == value for name, value in row.items()):
        return 0
    tx.execute(update(city_table).values(**row))
    return 1


def keep(gone: list[Row]) -> int:
    """Leave rows that are no longer in the folder for `remove_unused`, after what refers to them has gone."""
    return 0


def write_services(tx: Connection, city: City) -> int:
    """Write services."""
    rows = [renamed(row, code="service_code") for row in city.services.to_dict("records")]
    return TableSync(tx=tx, table=service, key=["service_code"], retire=keep).run(rows)


def write_agencies(tx: Connection, city: City) -> int:
    """Write agencies."""
    rows = [
        {
            "agency_code": row["code"],
            "name_id": row["name_id"],
            "name_en": row["name_en"],
            "is_vertical": row["kind"] == "vertical",
            "phone": row["phone"],
        }
        for row in city.agencies.to_dict("records")
    ]
    return TableSync(tx=tx, table=agency, key=["agency_code"], retire=keep).run(rows)


def write_contacts(tx: Connection, city: City) -> int:
    """Write contacts; an empty agency is the city itself."""
    rows = [renamed(row, agency="agency_code") for row in city.contacts.to_dict("records")]
    sync = TableSync(tx=tx, table=contact, key=["agency_code", "level", "office"])
    return replace_all(tx, sync, rows)


def replace_all(tx: Connection, sync: TableSync, rows: list[Row]) -> int:
    """Write a table nothing refers to as a whole, if it differs (a key with an empty value names no row in SQL)."""
    wanted = {sync.key_of(row): row for row in rows}
    present = sync.read(wanted)
    same = len(present) == len(wanted) and not any(
        sync.key_of(row) not in wanted or sync.differs(wanted[sync.key_of(row)], row) for row in present
    )
    if same:
        return 0
    tx.execute(sync.table.delete())
    sync.insert(rows)
    return len(rows)


def write_neighbours(tx: Connection, city: City) -> int:
    """Write the governments next door, with their areas where the folder draws them."""
    rows = [
        {name: row[name] for name in ("name", "number", "lon", "lat")} for row in city.neighbours.to_dict("records")
    ]
    written = TableSync(tx=tx, table=neighbour, key=["name"], is_point=True).run(rows)
    for name, shape in city.neighbour_areas.items():
        values = {"name": name, "wkb": to_wkb(shape), "digest": geometry_digest(shape)}
        written += tx.execute(WRITE_NEIGHBOUR_AREA, values).rowcount
    return written + tx.execute(CLEAR_NEIGHBOUR_AREAS, {"names": list(city.neighbour_areas)}).rowcount


def write_types(tx: Connection, city: City) -> int:
    """Write incident types, in the order of the file."""
    rows = [
        {**renamed(row, code="type_code"), "is_incident": row["lane"] is not None, "position": position}
        for position, row in enumerate(city.types.to_dict("records"))
    ]
    return TableSync(tx=tx, table=incident_type, key=["type_code"], retire=keep).run(rows)


def write_rules(tx: Connection, city: City, now: datetime) -> int:
    """Write SOP rules. A rule that left the folder ends now, so that receipts of the past can still be explained."""
    rows = [
        {
            "rule_code": rule.code,
            "type_code": rule.type_code,
            "severity_min": rule.severity_min,
            "severity_max": rule.severity_max,
            "condition": rule.condition,
            "service_code": rule.service,
            "role": str(rule.role),
            "plan": rule.plan,
            "ack_s": rule.ack_s,
            "valid": Range(rule.valid_from, rule.valid_to, bounds="[)"),
            "source": rule.source,
            "signed_by": rule.signed_by,
        }
        for rule in city.rules
    ]

    def end(gone: list[Row]) -> int:
        values = {"now": now, "codes": [row["rule_code"] for row in gone]}
        return sum(tx.execute(statement, values).rowcount for statement in (FORGET_RULES, END_RULES))

    return TableSync(tx=tx, table=sop_rule, key=["rule_code"], retire=end).run(rows)


def write_ladder(tx: Connection, city: City) -> int:
    """Write the ladder."""
    sync = TableSync(tx=tx, table=ladder_step, key=["lane", "severity", "level"])
    return sync.run([dict(vars(step)) for step in city.ladder])


def write_stations(tx: Connection, city: City) -> int:
    """Write stations. One that left the folder rests (`is_active` false): assignments may refer to it."""
    rows = [
        {
            **renamed(row, agency="agency_code", service="service_code", jurisdiction="jurisdiction_code", note=None),
            "is_active": True,
        }
        for row in city.stations.to_dict("records")
    ]

    def rest(gone: list[Row]) -> int:
        statement = text("UPDATE siaga.station SET is_active = false WHERE is_active AND code = ANY (:codes)")
        return tx.execute(statement, {"codes": [row["code"] for row in gone]}).rowcount

    return TableSync(tx=tx, table=station, key=["code"], is_point=True, retire=rest).run(rows)


def write_places(tx: Connection, city: City) -> int:
    """Write the gazetteer."""
    rows = [
        {**row, "search": "\n".join(dict.fromkeys(name.lower() for name in (row["name"], *row["aliases"])))}
        for row in city.places.to_dict("records")
    ]
    return replace_all(tx, TableSync(tx=tx, table=place, key=["name", "kind"], is_point=True), rows)


def write_areas(tx: Connection, city: City) -> int:
    """Write administrative areas, in EPSG:4326 and in the metric CRS."""
    present = {(row["level"], row["code"]): dict(row) for row in tx.execute(AREAS).mappings()}
    written = 0
    for area in city.areas.to_dict("records"):
        shape = area.pop("geometry")
        wanted = {**area, "srid": city.metric_srid, "digest": geometry_digest(shape)}
        if present.pop((area["level"], area["code"]), None) != wanted:
            tx.execute(WRITE_AREA, {**area, "srid": city.metric_srid, "wkb": to_wkb(shape)})
            written += 1
    for level, code in present:
        written += tx.execute(
            admin_area.delete().where(admin_area.c.level == level, admin_area.c.code == code)
        ).rowcount
    return written


def write_boundaries(tx: Connection, city: City, actor: Actor, now: datetime) -> int:
    """Write jurisdictions and their boundaries, all in one boundary commit.

    A new one is in force from its `valid_from`; a changed polygon or priority makes a new version, in force from the
    file's `valid_from` if that is after the version before, else from now; one that left the folder ends now.
    """
    present = {(row.service, row.agency, row.code): row for row in tx.execute(BOUNDARIES)}
    written = 0
    number = 0

    def boundary_set() -> int:
        nonlocal number
        number = number or open_set(tx, actor=actor.name, reason=f"city folder {city.code}", now=now)
        return number

    for given in city.jurisdictions.to_dict("records"):
        known = present.pop((given["service"], given["agency"], given["code"]), None)
        valid_from = given["valid_from"]
        digest = geometry_digest(given["geometry"])
        if known is None or (known.name, known.is_citywide) != (given["name"], given["is_citywide"]):
            jurisdiction_id = ensure(
                tx, **{name: given[name] for name in ("service", "agency", "code", "name", "is_citywide")}
            )
            written += 1
        else:
            jurisdiction_id = known.jurisdiction_id
        if known is not None:
            if (known.digest, known.priority) == (digest, given["priority"]):
                continue
            before = max(moment for moment in (known.valid_from, known.ended_at) if moment is not None)
            if valid_from <= before:
                valid_from = now
        add_version(
            tx,
            jurisdiction_id,
            NewBoundary(
                wkb=to_wkb(given["geometry"]),
                priority=given["priority"],
                source=given["source"],
                is_approximate=given["is_approximate"],
            ),
            boundary_set_number=boundary_set(),
            valid_from=valid_from,
            srid=city.metric_srid,
            actor=actor.name,
            now=now,
        )
        written += known is not None
    for row in present.values():
        if row.digest is not None:
            written += supersede(tx, row.jurisdiction_id, at=now, boundary_set_number=boundary_set())
    return written


def write_speeds(tx: Connection, city: City) -> int:
    """Write speeds by vehicle profile and road class."""
    sync = TableSync(tx=tx, table=road_speed, key=["profile", "road_class", "hour_from"])
    return sync.run(city.speeds.to_dict("records"))


def remove_unused(tx: Connection, city: City) -> int:
    """Delete types, agencies and services that left the folder, now that what referred to them is gone.

    An agency or service of the past stays as a name; a type would still be offered to operators, so it has to go.

    Raises
    ------
    ConflictError
        Reports refer to a type that left.
    """
    codes = list(city.types["code"])
    tx.execute(FORGET_TYPES, {"types": codes})
    sync = TableSync(tx=tx, table=incident_type, key=["type_code"])
    removed = sync.run([{"type_code": code} for code in codes])
    for table, name, frame in ((agency, "agency_code", city.agencies), (service, "service_code", city.services)):
        sync = TableSync(tx=tx, table=table, key=[name])
        for row in sync.read({}):
            if row[name] not in set(frame["code"]):
                with suppress(ConflictError):
                    removed += sync.remove([row])
    return removed


def renamed(row: dict[Any, Any], **names: str | None) -> Row:
    """Return a row with columns renamed; a new name of `None` leaves the column out."""
    return {str(names.get(name, name)): value for name, value in row.items() if names.get(name, name) is not None}
