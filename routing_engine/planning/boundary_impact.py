"""What would have been different: a year's incidents, places and travel times under a change of boundaries.

The batch matcher is asked twice, with the boundaries without and with a draft, and the answers are compared. What it
counts is what planners count (`planning.incidents`), of the types for which the SOP calls the service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, text

from gis.city import CityFacts
from routing_engine.dispatch.context import Context, Moment, Snapshot
from routing_engine.dispatch.stations import StationIndex, Wanted
from routing_engine.planning.first_arrivals import first_arrivals
from routing_engine.planning.incidents import called_incidents
from zones import draft_effects, draft_rows
from zones.draft_checks import Difference, created_gaps, created_overlaps, differences
from zones.drafts import Measure
from zones.layers import Layer, as_frame
from zones.matching_batch import index_of, match_jurisdictions, read_service_area

YEAR = timedelta(days=365)
# What is drawn and named at most; the counts are of all.
MOST_POINTS = 5_000
MOST_NAMES = 20

PLACES = text("SELECT name, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM siaga.place ORDER BY name, place_id")
KELURAHAN = text(
    "SELECT code, name, ST_AsBinary(geom) AS wkb FROM siaga.admin_area WHERE level = 'kelurahan' ORDER BY code"
)
IS_SYNTHETIC = text("SELECT coalesce((SELECT is_synthetic FROM siaga.road_build WHERE is_current), false)")


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """What a change is measured on.

    Attributes
    ----------
    incidents
        As `read_incidents` gives them: `lon, lat` (EPSG:4326), `type_code, received_at, is_history`.
    places
        `name, lon, lat`.
    kelurahan
        `code, name, lon, lat`, a point inside each.
    since, until
        The incidents' period, half-open.
    n_left_out
        Incidents of the period that are no events of the city.
    """

    incidents: pd.DataFrame
    places: pd.DataFrame
    kelurahan: pd.DataFrame
    since: datetime
    until: datetime
    n_left_out: int


def compare(
    points: pd.DataFrame, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, *, city: CityFacts, service_area: Any
) -> pd.DataFrame:
    """Name who is responsible for points under two sets of boundaries.

    Parameters
    ----------
    points
        `lon, lat`, EPSG:4326, a unique index.
    before, after
        Boundaries as `layers.as_frame` gives them.

    Returns
    -------
    DataFrame
        Index and order of `points`; `from`, `to` (``AGENCY/CODE``), `from_agency`, `to_agency`, `from_code`, `to_code`
        (missing: nobody), `is_changed`, `is_agency_changed`.
    """
    frame = gpd.GeoDataFrame(geometry=shapely.points(points["lon"], points["lat"]), index=points.index, crs=4326)
    found: dict[str, Any] = {}
    for side, layer in (("from", before), ("to", after)):
        matched = match_jurisdictions(frame, layer, city=city, service_area=service_area, index=index_of(layer))
        found[side] = matched["agency"] + "/" + matched["jurisdiction"]
        found[f"{side}_agency"], found[f"{side}_code"] = matched["agency"], matched["jurisdiction"]
    changed = pd.DataFrame(found, index=points.index)
    for name, one, two in (("is_changed", "from", "to"), ("is_agency_changed", "from_agency", "to_agency")):
        changed[name] = (changed[one].fillna("") != changed[two].fillna("")).to_numpy(dtype=bool)
    return changed


def impact(
    evidence: Evidence,
    before: Layer,
    after: Layer,
    *,
    service: str,
    at: datetime | None,
    city: CityFacts,
    service_area: Any,
    stations: StationIndex | None = None,
) -> dict[str, Any]:
    """Measure a change of boundaries; a pure function of what it is given.

    Parameters
    ----------
    before, after
        Layers of the service without and with the change.
    at
        The moment of the change; it is only repeated.
    stations
        Stations with their fields; `None`, or without a road network: no travel times.

    Returns
    -------
    dict
        `impact` of the contract, without what the city's names and its roads' origin add (`described`).
    """
    old, new = as_frame(before), as_frame(after)
    moved, places, kelurahan = (
        compare(points, old, new, city=city, service_area=service_area)
        for points in (evidence.incidents, evidence.places, evidence.kelurahan)
    )
    changed = evidence.incidents.join(moved)[moved["is_changed"].to_numpy()]
    months = _months(evidence.since, evidence.until, city)
    return {
        "service": service,
        "at": None if at is None else at.isoformat(),
        "since": evidence.since.isoformat(),
        "until": evidence.until.isoformat(),
        "n_incidents": len(evidence.incidents),
        "n_left_out": evidence.n_left_out,
        "n_synthetic": int(evidence.incidents["is_history"].sum()),
        "n_changed": len(changed),
        "n_agency_changed": int(changed["is_agency_changed"].sum()),
        "by_type": _counts(changed, changed["type_code"], "type"),
        "by_month": _counts(changed, _month(changed["received_at"], city), "month", months),
        "moves": _moves(changed, before, after),
        "jurisdictions": _jurisdictions(
            differences(before, after, city.metric_srid),
            before,
            after,
            changed,
            evidence.places.join(places)[places["is_changed"].to_numpy()],
            evidence.kelurahan.join(kelurahan)[kelurahan["is_changed"].to_numpy()],
        ),
        "overlaps": created_overlaps(before, after, city.metric_srid),
        "gaps": created_gaps(before, after, city.metric_srid),
        "travel_time": _travel_time(changed, service, stations, city),
        "is_calibrated": stations is not None and any(part.calibration is not None for part in stations.parts),
        "points": _points(changed),
        "n_points": min(len(changed), MOST_POINTS),
    }


def read_evidence(tx: Connection, snapshot: Snapshot, service: str, *, until: datetime) -> Evidence:
    """Read what a change of a service's boundaries is measured on: the 365 days before `until`."""
    since = until - YEAR
    incidents, n_left_out = called_incidents(tx, snapshot, service, since=since, until=until)
    areas = tx.execute(KELURAHAN).all()
    inside = [shapely.from_wkb(bytes(row.wkb)).representative_point() for row in areas]
    return Evidence(
        incidents=incidents,
        places=pd.DataFrame(tx.execute(PLACES).all(), columns=["name", "lon", "lat"]),
        kelurahan=pd.DataFrame(
            {
                "code": [row.code for row in areas],
                "name": [row.name for row in areas],
                "lon": [point.x for point in inside],
                "lat": [point.y for point in inside],
            }
        ),
        since=since,
        until=until,
        n_left_out=n_left_out,
    )


def measure_of(tx: Connection, context: Context, draft_id: str) -> Measure:
    """Return what `drafts.propose` calls to keep the impact with a proposal; the points on the map are not kept.

    Raises
    ------
    NotFoundError
        There is no such draft.
    """
    service = draft_rows.find(tx, draft_id)["service_code"]

    def measure(before: Layer, after: Layer, at: datetime) -> dict[str, Any]:
        found = _measured(tx, context.current(tx), service, before, after, at)
        return {name: value for name, value in found.items() if name not in ("points", "n_points")}

    return measure


def impact_of_draft(
    tx: Connection, context: Context, draft_id: str, *, language: str, agency: str | None = None
) -> dict[str, Any]:
    """Return the impact of a draft with the points on the map: as it was proposed, else as of now.

    Parameters
    ----------
    agency
        Only the points that are or become this agency's: it reads counts of all, and incidents of its own.

    Raises
    ------
    NotFoundError
        There is no such draft.
    """
    row = draft_rows.find(tx, draft_id)
    before, after, at = draft_effects.layers(tx, draft_id)
    moment, frozen = context.current(tx), row["impact"]
    until = datetime.fromisoformat(frozen["until"]) if frozen else moment.now
    found = _measured(tx, moment, row["service_code"], before, after, at, until=until)
    if agency is not None:
        own = [one for one in found["points"]["features"] if _is_of(one["properties"], agency)]
        found |= {"points": {**found["points"], "features": own}, "n_points": len(own)}
    return described({**found, **(frozen or {}), "is_frozen": bool(frozen)}, moment.snapshot, language)


def _is_of(properties: Mapping[str, Any], agency: str) -> bool:
    return any((properties[side] or "").startswith(f"{agency}/") for side in ("from", "to"))


def described(found: Mapping[str, Any], snapshot: Snapshot, language: str) -> dict[str, Any]:
    """Return an impact with the types' names in a language."""
    kinds = snapshot.types
    by_type = [
        {**item, "name": kinds[item["type"]].name(language) if item["type"] in kinds else item["type"]}
        for item in found["by_type"]
    ]
    return {**found, "by_type": by_type}


def _measured(
    tx: Connection,
    moment: Moment,
    service: str,
    before: Layer,
    after: Layer,
    at: datetime | None,
    *,
    until: datetime | None = None,
) -> dict[str, Any]:
    snapshot = moment.snapshot
    found = impact(
        read_evidence(tx, snapshot, service, until=until or moment.now),
        before,
        after,
        service=service,
        at=at,
        city=snapshot.city,
        service_area=read_service_area(tx),
        stations=snapshot.stations,
    )
    named = {item["jurisdiction"] for item in found["jurisdictions"]}
    return described(
        {
            **found,
            "roads_synthetic": bool(tx.execute(IS_SYNTHETIC).scalar_one()),
            "boundaries_approximate": any(area.is_approximate for key, area in before.items() if key in named),
        },
        snapshot,
        "id",
    )


def _month(times: pd.Series, city: CityFacts) -> pd.Series:
    found: pd.Series = times.dt.tz_convert(city.time_zone).dt.strftime("%Y-%m")
    return found


def _months(since: datetime, until: datetime, city: CityFacts) -> list[str]:
    first, last = since.astimezone(city.time_zone), (until - timedelta(microseconds=1)).astimezone(city.time_zone)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers]


def _counts(
    changed: pd.DataFrame, by: pd.Series, name: str, names: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Count changes, and among them changes of agency; by name where all are given, else the most frequent first."""
    n, n_agency = Counter(by), Counter(by[changed["is_agency_changed"].to_numpy(dtype=bool)])
    if names is None:
        names = sorted(n, key=lambda one: (-n[one], one))
    return [{name: one, "n": n[one], "n_agency": n_agency[one]} for one in names]


def _moves(changed: pd.DataFrame, before: Layer, after: Layer) -> list[dict[str, Any]]:
    """Count by who had it and who would, the most frequent first; `None` is nobody."""
    counts = Counter(zip(changed["from"].fillna(""), changed["to"].fillna(""), strict=True))
    return [
        {
            "from": one or None,
            "from_name": before[one].name if one else None,
            "to": two or None,
            "to_name": after[two].name if two else None,
            "n": n,
        }
        for (one, two), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _jurisdictions(
    found: Mapping[str, Difference],
    before: Layer,
    after: Layer,
    incidents: pd.DataFrame,
    places: pd.DataFrame,
    kelurahan: pd.DataFrame,
) -> list[dict[str, Any]]:
    """Say of each jurisdiction that changes what it gains and loses."""
    touched = {key for one in (incidents, places, kelurahan) for side in ("from", "to") for key in one[side].dropna()}
    items = []
    for key in sorted(found.keys() | touched):
        area = after.get(key) or before[key]
        one = found.get(key)
        names = {way: places.loc[places[side] == key, "name"].to_list() for way, side in _WAYS}
        areas = {way: kelurahan.loc[kelurahan[side] == key, ["code", "name"]].to_dict("records") for way, side in _WAYS}
        items.append(
            {
                "jurisdiction": key,
                "name": area.name,
                "agency": area.agency,
                "area_before_m2": None if one is None else one.area_before_m2,
                "area_m2": None if one is None else one.area_m2,
                "gained_m2": 0.0 if one is None else one.gained_m2,
                "lost_m2": 0.0 if one is None else one.lost_m2,
                "incidents_gained": int((incidents["to"] == key).sum()),
                "incidents_lost": int((incidents["from"] == key).sum()),
                "n_places_gained": len(names["gained"]),
                "n_places_lost": len(names["lost"]),
                "places_gained": names["gained"][:MOST_NAMES],
                "places_lost": names["lost"][:MOST_NAMES],
                "kelurahan_gained": areas["gained"],
                "kelurahan_lost": areas["lost"],
            }
        )
    return items


_WAYS = (("gained", "to"), ("lost", "from"))


def _travel_time(
    changed: pd.DataFrame, service: str, stations: StationIndex | None, city: CityFacts
) -> dict[str, Any] | None:
    """Compare the seconds of the first station to the changed incidents; `None` without a road network."""
    if stations is None or stations.graph is None:
        return None
    lonlat = changed[["lon", "lat"]].to_numpy(np.float64)
    hours = changed["received_at"].dt.tz_convert(city.time_zone).dt.hour.to_numpy()
    found: dict[str, Any] = {}
    for side, name in (("from", "before"), ("to", "after")):
        pairs = zip(changed[f"{side}_agency"], changed[f"{side}_code"], strict=True)
        wanted: list[Wanted | None] = [None if pd.isna(agency) else (service, agency, code) for agency, code in pairs]
        seconds, is_estimated = first_arrivals(stations, lonlat, wanted, hours)
        known = seconds[~np.isnan(seconds)]
        half, most = np.percentile(known, [50, 90]).round(1).tolist() if len(known) else (None, None)
        found[name] = {
            "p50_s": half,
            "p90_s": most,
            "n": len(known),
            "n_estimated": int(is_estimated.sum()),
            "n_unreachable": len(seconds) - len(known),
        }
    return found


def _points(changed: pd.DataFrame) -> dict[str, Any]:
    """Return the changed incidents as GeoJSON: to five decimals, nothing of the caller or of what was said."""
    shown = changed.tail(MOST_POINTS)
    columns = (shown[name] for name in ("lon", "lat", "type_code", "received_at", "from", "to"))
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [round(lon, 5), round(lat, 5)]},
                "properties": {
                    "type": kind,
                    "at": at.isoformat(),
                    "from": None if pd.isna(one) else one,
                    "to": None if pd.isna(two) else two,
                },
            }
            for lon, lat, kind, at, one, two in zip(*columns, strict=True)
        ],
    }
