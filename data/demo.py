"""Seed a city for a demonstration: its folder, synthetic roads with their travel times, basemap, and a history.

Everything here is done once: a city that is there already is left as it is, and a seeding that was interrupted goes on
where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from gis import actors
from gis.db import database_now, make_engine, transaction
from gis.settings import Settings

THERE = text(
    """
SELECT EXISTS (SELECT FROM siaga.city) AS city,
       EXISTS (SELECT FROM siaga.road_build WHERE is_current) AS roads,
       EXISTS (SELECT FROM siaga.basemap_area) AS basemap,
       EXISTS (SELECT FROM siaga.incident WHERE origin = 'history') AS history
"""
)
ROADS_SOURCE = "synthetic network"

Progress = Callable[[str], object]


def seed_demo(
    settings: Settings,
    city_folder: Path,
    *,
    state: Path | None = None,
    scale: float = 1.0,
    progress: Progress = print,
) -> dict[str, Any]:
    """Make the demo of a city: everything `seed_city` makes, and a synthetic history.

    Parameters
    ----------
    settings
        Of the database's owner.
    city_folder
        The city; `roads.toml` and `history.toml` are optional.
    state
        State folder for travel-time fields; that of `settings` if not given.
    scale
        Factor on the number of incidents, such as 10 to try planning at size.
    progress
        Told what is done, a line at a time.

    Returns
    -------
    dict
        `is_new`, `seconds`, and the rows written by part. Already seeded: `is_new` is False, nothing is written.

    Raises
    ------
    DataError
        The folder is not a city that can be used; every finding is listed.
    """
    started = time.monotonic()
    state = state or settings.state
    engine = make_engine(settings, application="demo")
    try:
        with transaction(engine) as tx:
            there = tx.execute(THERE).one()
        if there.city and there.history:
            return {"is_new": False, "seconds": time.monotonic() - started}
        written = seed_city(engine, city_folder, state=state, progress=progress)
        from data.history_store import seed_history

        progress("history …")
        with transaction(engine) as tx:
            written |= seed_history(tx, city_folder, state=state, now=database_now(tx), scale=scale, progress=progress)
        return {"is_new": True, "seconds": time.monotonic() - started, **written}
    finally:
        engine.dispose()


def seed_city(engine: Engine, city_folder: Path, *, state: Path, progress: Progress = print) -> dict[str, Any]:
    """Write a city with its roads, basemap and travel-time fields, where they are not there yet.

    Parameters
    ----------
    engine
        Of the database's owner.

    Raises
    ------
    DataError
        The folder is not a city that can be used; every finding is listed.
    """
    # Imported here: a demo that is there already must not wait for the geometry libraries.
    from routing_engine.dispatch.fields import refresh_fields

    written: dict[str, Any] = {}
    with transaction(engine) as tx:
        there = tx.execute(THERE).one()
        if not there.city:
            written |= _write_city(tx, city_folder, progress)
        if not there.roads and (city_folder / "roads.toml").exists():
            written |= _write_roads(tx, city_folder, progress)
    (state / "fields").mkdir(mode=0o700, parents=True, exist_ok=True)
    progress("travel times …" if there.basemap else "travel times, basemap …")
    # Both need the roads and not each other.
    with ThreadPoolExecutor(1) as pool:
        drawing = None if there.basemap else pool.submit(_draw_basemap, engine)
        written["fields"] = len(refresh_fields(engine, state)["current"])
        if drawing is not None:
            written |= drawing.result()
    return written


def _draw_basemap(engine: Engine) -> dict[str, int]:
    from data.basemap import build_basemap

    with transaction(engine) as tx:
        return build_basemap(tx)


def _write_city(tx: Connection, city_folder: Path, progress: Progress) -> dict[str, Any]:
    """Check the folder whole, then write it."""
    from data.city import load_city
    from data.city_check import check_city
    from data.city_init import init_city
    from gis.errors import DataError

    progress(f"city {city_folder.name} …")
    findings = check_city(city_folder)
    if findings:
        listed = "\n  ".join(str(finding) for finding in findings)
        raise DataError(f"{city_folder}: {len(findings)} findings, nothing was written\n  {listed}", findings)
    city = load_city(city_folder)
    init_city(tx, city, actors.system("demo"), database_now(tx))
    tx.execute(text("UPDATE siaga.city SET is_demo = true"))
    return {"city": city.code}


def _write_roads(tx: Connection, city_folder: Path, progress: Progress) -> dict[str, Any]:
    """Grow the synthetic network and make it the one in use."""
    from data.roads import write_roads
    from data.synthetic_roads import grow_roads
    from gis.city import read_city

    progress("synthetic roads …")
    nodes, edges, restrictions = grow_roads(city_folder, metric_srid=read_city(tx).metric_srid)
    now = database_now(tx)
    write_roads(tx, nodes, edges, restrictions, source=ROADS_SOURCE, is_synthetic=True, now=now)
    return {"road_nodes": len(nodes), "road_edges": len(edges)}
