"""The planner's view of reach: the streets a station's vehicle comes to within 5, 10 and 15 minutes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st
from shapely.geometry import Polygon, mapping, shape

from dashboard.components.maps import city_map, dot, polygons, show_map
from dashboard.planner_filters import Filters, to_address
from dashboard.planner_tables import class_bar
from dashboard.planner_text import number, short, t
from dashboard.reach_services import MINUTES, Post, ReachServices
from gis.analysis.colours import as_hex, ramp
from gis.errors import ConflictError, DataError

MAP_HEIGHT = "calc(100vh - 215px)"
TTL_S = 60
OPACITY = 0.4
# Streets nobody can be sent over: dashed and red, in either theme.
OUTSIDE = {"color": "#c2183c", "weight": 3, "dashArray": "4 5", "fill": False}


@st.cache_data(ttl=TTL_S, max_entries=32, show_spinner=False)
def _posts(_reach: ReachServices, language: str) -> tuple[list[Post], int]:
    return _reach.posts(language)


@st.cache_data(ttl=TTL_S, max_entries=32, show_spinner=False)
def _reached(_reach: ReachServices, station: str, hour: int, language: str) -> dict[str, Any]:
    return _reach.reached(station, hour, language=language)


@st.cache_data(ttl=TTL_S, max_entries=32, show_spinner=False)
def _outside(_reach: ReachServices, station: str, hour: int, language: str) -> tuple[dict[str, Any], float]:
    return _reach.outside(station, hour, language=language)


def choose(reach: ReachServices, opened: Filters, key: str, language: str) -> Filters:
    """Draw what is chosen in this view: the station and the hour."""
    posts, now = _posts(reach, language)
    by_code = {post.code: post for post in posts}
    if f"{key}_station" not in st.session_state and opened.station in by_code:
        st.session_state[f"{key}_station"] = opened.station
    if f"{key}_hour" not in st.session_state:
        st.session_state[f"{key}_hour"] = now if opened.hour is None else opened.hour
    station = st.selectbox(
        t("station", language), list(by_code), key=f"{key}_station",
        format_func=lambda code: f"{by_code[code].name} · {by_code[code].service}",
    )  # fmt: skip
    hour = st.selectbox(
        t("traffic_hour", language), range(24), key=f"{key}_hour", format_func=lambda hour: f"{hour:02d}:00"
    )
    filters = replace(opened, view="reach", station=station or "", hour=hour)
    if dict(st.query_params) != to_address(filters):
        st.query_params.from_dict(to_address(filters))
    return filters


def draw(reach: ReachServices, filters: Filters, center: tuple[float, float], theme: str, language: str) -> None:
    """Show what is reached, or say why nothing can be shown."""
    if not filters.station or filters.hour is None:
        st.info(t("no_stations", language))
        return
    try:
        found = _reached(reach, filters.station, filters.hour, language)
        outside, outside_m = _outside(reach, filters.station, filters.hour, language)
    except ConflictError as error:
        st.info(str(error))
        return
    except DataError as error:
        st.warning("; ".join(finding.reason for finding in error.findings) or str(error))
        return
    colours = [as_hex(rgb) for rgb in ramp(len(MINUTES) + 1, theme=theme)][:0:-1]
    said = found["features"][0]["properties"]
    m = city_map((said["from"]["lon"], said["from"]["lat"]) if said["from"] else center, zoom=13)
    # The widest first: what is nearer lies on top.
    for ring, colour in reversed(list(zip(rings(found["features"]), colours, strict=True))):
        style = {"fillColor": colour, "fillOpacity": OPACITY, "color": colour, "weight": 1.5}
        polygons(m, ring, style)
    if outside_m:
        polygons(m, outside, OUTSIDE)
    dot(m, (said["from"]["lon"], said["from"]["lat"]), fill=colours[0])
    show_map(m, key="planner_reach", height=MAP_HEIGHT, language=language)
    st.html(legend(found, colours, outside_m, language))


def rings(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what each time adds to the one before, as GeoJSON: overlaid colours would not be the legend's."""
    shapes = [shape(feature["geometry"]) for feature in features]
    return [mapping(one.difference(before)) for one, before in zip(shapes, [Polygon(), *shapes], strict=False)]


def legend(found: dict[str, Any], colours: list[str], outside_m: float, language: str) -> str:
    """Return the legend as HTML: minutes, area, vehicle, hour, and whether recorded runs stand behind it."""
    features, said = found["features"], found["features"][0]["properties"]
    classes = [
        (t("within", language, minutes=short(one["properties"]["minutes"], language)), colour, OPACITY)
        for one, colour in zip(features, colours, strict=True)
    ]
    areas = " / ".join(number(one["properties"]["area_km2"], language, 1) for one in features)
    facts = [
        said["from"]["station"]["name"],
        t(f"profile_{said['profile']}", language),
        t("at_hour", language, hour=f"{said['hour']:02d}:00"),
        t("reach_area", language, areas=areas),
        t("reach_streets", language),
        t("outside_main", language, km=number(outside_m / 1000, language, 1)) if outside_m else t("all_main", language),
    ]
    facts.append(t("estimate_only" if said["calibration"] == "none" else "calibrated", language))
    if said["roads_synthetic"]:
        facts.append(t("roads_synthetic", language).upper())
    return class_bar(t("reached_within", language), classes, "", "", facts)
