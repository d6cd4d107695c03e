"""Planner: where and when incidents gather, chosen by kind, place and time.

Everything chosen stands in the address. Pictures are made on the server; each names its kernel, bandwidth, unit, period
and number of incidents.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

import streamlit as st

from dashboard.components.browser import theme
from dashboard.components.maps import choropleth, city_map, image_overlay, show_map
from dashboard.pages import reach
from dashboard.planner_filters import BANDWIDTHS, LANES, PERIODS, VIEWS, Filters, from_address, to_address
from dashboard.planner_services import AreaCounts, DensityPicture, Incidents, Options, PlannerServices
from dashboard.planner_tables import class_bar, hour_table, month_bars, type_bars
from dashboard.planner_text import day, family, number, short, t
from dashboard.services import Services
from dashboard.spreadsheet import to_csv
from gis.analysis.colours import as_hex, ramp
from gis.analysis.picture import nice_breaks
from gis.words import Role
from routing_engine.planning.incidents import Selection

MAP_HEIGHT = "calc(100vh - 215px)"
TABLE_HEIGHT_PX = 495
FEW = 5  # areas with fewer incidents are drawn thin and dashed: their rates say little
FEW_FOR_DENSITY = 30  # with fewer, a smooth surface shows its kernel: a single incident is a patch of its own
TTL_S = 60


def render(services: Services) -> None:
    """Show the planner's page."""
    services.me.actor.require(Role.PLANNER, Role.SUPERVISOR, Role.ADMIN)
    planner = PlannerServices(services.planner_engine)
    language = services.me.language
    options = _options(planner)
    if options.first is None:
        st.info(t("no_incidents", language))
        return
    side, main = st.columns([1.15, 3.25], gap="medium")
    with side:
        filters = _choose(options, services, language)
    if filters.view == "reach":
        with main:
            reach.draw(services.reach, filters, options.center, _colours(), language)
        return
    days = filters.days(options)
    with main:
        if days is None:
            st.info(t("pick_two", language))
            return
        since, until = planner.period(*days, options.time_zone)
        selection = Selection(
            since=since,
            until=until,
            types=filters.type_codes(options),
            lane=filters.lane or None,
            hours=filters.hours,
            districts=filters.districts,
        )
        incidents = _incidents(planner, selection)
        _headline(incidents, days, options, language)
        if not incidents.n:
            st.info(t("empty", language))
            return
        draw = {"density": _density_view, "areas": _areas_view, "times": _times_view}[filters.view]
        draw(planner, selection, incidents, filters, options, days, language)


# -- fetch: kept for a minute, shared by everybody who looks at the same thing


@st.cache_data(ttl=TTL_S, show_spinner=False)
def _options(_planner: PlannerServices) -> Options:
    return _planner.options()


@st.cache_data(ttl=TTL_S, max_entries=32, show_spinner=False)
def _incidents(_planner: PlannerServices, selection: Selection) -> Incidents:
    return _planner.incidents(selection)


@st.cache_data(ttl=TTL_S, max_entries=32, show_spinner=False)
def _density(
    _planner: PlannerServices, selection: Selection, bandwidth_m: float | None, colours: str
) -> DensityPicture:
    return _planner.density(
        selection, bandwidth_m=bandwidth_m, theme=colours, incidents=_incidents(_planner, selection)
    )


@st.cache_data(ttl=TTL_S, max_entries=32, show_spinner=False)
def _areas(_planner: PlannerServices, selection: Selection) -> AreaCounts:
    return _planner.by_area(selection, incidents=_incidents(_planner, selection))


# -- choose


def _choose(options: Options, services: Services, language: str) -> Filters:
    """Draw the filters; their values come from the address when the page opens, and go there when they change."""
    # Streamlit tells widgets apart by what they show as well: in another language they are new ones, which start from
    # the address again instead of losing their values.
    key = f"planner_{language}"
    opened = from_address({name: st.query_params.get_all(name) for name in st.query_params}, options)
    _start(f"{key}_view", opened.view)
    st.segmented_control(
        t("view", language), VIEWS, key=f"{key}_view", required=True, label_visibility="collapsed",
        format_func=lambda code: t(f"view_{code}", language), width="stretch",
    )  # fmt: skip
    view = st.session_state[f"{key}_view"]
    if view == "reach":
        return reach.choose(services.reach, opened, key, language)
    _start(f"{key}_period", opened.period)
    period = st.selectbox(
        t("period", language), PERIODS, key=f"{key}_period", format_func=lambda code: t(f"period_{code}", language)
    )
    first = last = None
    if period == "pick":
        assert options.first is not None
        assert options.last is not None
        _start(
            f"{key}_days",
            (opened.first or max(options.first, options.last - timedelta(days=364)), opened.last or options.last),
        )
        first, last = _pair(st.date_input(t("dates", language), key=f"{key}_days", format="DD.MM.YYYY"))
    _start(f"{key}_lane", opened.lane)
    lane = st.segmented_control(
        t("lane", language), LANES, key=f"{key}_lane", required=True,
        format_func=lambda code: t(f"lane_{code}", language), width="stretch",
    )  # fmt: skip
    _start(f"{key}_families", list(opened.families))
    families = st.multiselect(
        t("family", language), list(dict.fromkeys(options.types["family"])), key=f"{key}_families",
        format_func=lambda code: family(code, language), placeholder=t("all_families", language),
    )  # fmt: skip
    names = dict(zip(options.types["type_code"], options.types[f"name_{language}"], strict=True))
    offered = options.types[options.types["family"].isin(families)] if families else options.types
    _start(f"{key}_types", [code for code in opened.types if code in set(offered["type_code"])])
    st.session_state[f"{key}_types"] = [c for c in st.session_state[f"{key}_types"] if c in set(offered["type_code"])]
    types = st.multiselect(
        t("type", language), list(offered["type_code"]), key=f"{key}_types",
        format_func=lambda code: names[code], placeholder=t("all_types", language),
    )  # fmt: skip
    from_, to = st.columns(2, gap="small")
    _start(f"{key}_from", opened.hours[0])
    _start(f"{key}_to", opened.hours[1])
    hour_from = from_.selectbox(t("hour_from", language), range(24), key=f"{key}_from", format_func=_hour)
    hour_to = to.selectbox(t("hour_to", language), range(1, 25), key=f"{key}_to", format_func=_hour)
    _start(f"{key}_districts", list(opened.districts))
    districts = st.multiselect(
        t("districts", language), list(options.districts), key=f"{key}_districts",
        format_func=lambda code: options.districts[code], placeholder=t("all_districts", language),
    )  # fmt: skip
    bandwidth_m = opened.bandwidth_m
    if view == "density":
        _start(f"{key}_bandwidth", opened.bandwidth_m)
        bandwidth_m = st.select_slider(
            t("bandwidth", language), BANDWIDTHS, key=f"{key}_bandwidth",
            format_func=lambda m: f"{m} m" if m else t("bandwidth_auto", language),
        )  # fmt: skip
    filters = Filters(
        view=view,
        period=period,
        first=first,
        last=last,
        lane=lane or "",
        families=tuple(families),
        types=tuple(types),
        hours=(hour_from, hour_to),
        districts=tuple(districts),
        bandwidth_m=bandwidth_m,
    )
    if dict(st.query_params) != to_address(filters):
        st.query_params.from_dict(to_address(filters))
    return filters


def _start(key: str, value: object) -> None:
    """Give a widget its value from the address, the first time it is drawn."""
    if key not in st.session_state:
        st.session_state[key] = value


def _pair(value: object) -> tuple[date | None, date | None]:
    """Return both ends of a range; while the second is being picked, there is none."""
    if isinstance(value, Sequence) and len(value) == 2:
        return value[0], value[1]
    return None, None


def _hour(hour: int) -> str:
    return f"{hour:02d}:00"


# -- draw


def _headline(incidents: Incidents, days: tuple[date, date], options: Options, language: str) -> None:
    """Say how many, of which days, what is left out and what is not real."""
    line = f"**{number(incidents.n, language)} {t('incidents', language)}** · {_span(days, language)}"
    if incidents.n_left_out:
        line += f" · :gray[{t('left_out', language, n=number(incidents.n_left_out, language))}]"
    badges = []
    if incidents.n and incidents.is_synthetic:
        badges.append(t("synthetic", language))
    elif options.is_demo:
        badges.append(t("demo", language))
    if options.is_approximate:
        badges.append(t("approximate", language))
    st.markdown(" ".join(f":orange-badge[{badge}]" for badge in badges) + " " + line)


def _span(days: tuple[date, date], language: str) -> str:
    return f"{day(days[0], language)} – {day(days[1], language)}"


def _density_view(
    planner: PlannerServices,
    selection: Selection,
    incidents: Incidents,
    filters: Filters,
    options: Options,
    days: tuple[date, date],
    language: str,
) -> None:
    """Show the density as a picture over the map, with a legend that says what it is."""
    with st.spinner(t("drawing", language)):
        picture = _density(planner, selection, float(filters.bandwidth_m) or None, _colours())
    if picture.n < FEW_FOR_DENSITY:
        st.warning(t("small_n", language, n=number(picture.n, language)), icon=":material/warning:")
    m = city_map(options.center, zoom=12)
    image_overlay(m, "data:image/png;base64," + base64.b64encode(picture.png).decode(), picture.bounds, opacity=1.0)
    show_map(m, key="planner_density", height=MAP_HEIGHT, language=language)
    st.html(density_legend(picture, incidents, days, language))
    with st.popover(t("computed", language), type="tertiary"):
        st.write(t("computed_density", language, crs=f"EPSG:{picture.metric_srid}"))


def density_legend(picture: DensityPicture, incidents: Incidents, days: tuple[date, date], language: str) -> str:
    """Return the legend of a density map as HTML: classes, unit, kernel, bandwidth, period, N, and what it is not."""
    n = number(picture.n, language)
    places = t("n_places", language, n=number(picture.n_places, language))
    facts = [
        f"{t('kernel', language)} {t(f'kernel_{picture.kernel}', language)}",
        f"{t('bandwidth', language)} {number(picture.bandwidth_m, language)} m "
        f"({t(f'rule_{picture.bandwidth_rule}', language)})",
        t("cell", language, m=short(picture.cell_m, language)),
        _span(days, language),
        f"N = {n} ({places})" if picture.n_places < picture.n else f"N = {n}",
        t("edge", language),
    ]
    if picture.n_outside:
        facts.append(t("n_outside", language, n=number(picture.n_outside, language)))
    if incidents.is_synthetic:
        facts.append(t("synthetic", language).upper())
    classes = [(short(one.low, language), one.colour, one.opacity) for one in picture.legend.classes]
    top = short(picture.legend.breaks[-1], language) if classes else ""
    below = t("below", language, low=classes[0][0]) if classes else ""
    title = f"{t('number_not_risk', language)}: {t('unit_year', language)}"
    return class_bar(title, classes, top, below, facts)


def _areas_view(
    planner: PlannerServices,
    selection: Selection,
    incidents: Incidents,
    filters: Filters,
    options: Options,
    days: tuple[date, date],
    language: str,
) -> None:
    """Show counts per kelurahan as a map and a table."""
    counts = _areas(planner, selection)
    names = {name: t(f"column_{name}", language) for name in ("name", "district", "n", "rate")}
    left, right = st.columns([1.6, 1], gap="small")
    with left:
        m = city_map(options.center, zoom=12, names=False)
        collection, classes, top = _coloured(counts, language)
        choropleth(m, collection, fields=names, line="#3b4652" if _colours() == "day" else "#aeb9c4")
        show_map(m, key="planner_areas", height=MAP_HEIGHT, language=language)
    table = counts.table.assign(
        name=counts.table["name"].fillna(t("outside", language)),
        share=(counts.table["share"] * 100).round(1),
        area_km2=counts.table["area_km2"].round(2),
        per_km2=counts.table["per_km2"].round(2),
    )
    columns = {
        "name": t("column_name", language),
        "district": t("column_district", language),
        "n": t("column_n", language),
        "per_km2": t("column_rate", language),
        "share": t("column_share", language),
        "area_km2": t("column_area", language),
    }
    with right:
        # Streamlit's own "localized" follows the browser; the page speaks the language chosen on it.
        shown = table[list(columns)].rename(columns=columns)
        digits = {columns[name]: n for name, n in {"n": 0, "per_km2": 2, "share": 1, "area_km2": 2}.items()}
        written = {name: partial(number, language=language, digits=n) for name, n in digits.items()}
        st.dataframe(
            shown.style.format(written, na_rep="–"), hide_index=True, height=TABLE_HEIGHT_PX, width="stretch",
            column_config={
                columns["name"]: st.column_config.TextColumn(width=104),
                columns["district"]: st.column_config.TextColumn(width=98),
                **{
                    columns[name]: st.column_config.NumberColumn(width=width)
                    for name, width in {"n": 66, "per_km2": 114, "share": 90, "area_km2": 90}.items()
                },
            },
        )  # fmt: skip
        st.download_button(
            t("download", language),
            to_csv(table[["code", *columns]].rename(columns={"code": t("column_code", language), **columns})),
            file_name=f"kelurahan_{days[0]:%Y%m%d}_{days[1]:%Y%m%d}.csv",
            mime="text/csv",
        )
    facts = [_span(days, language), f"N = {number(incidents.n, language)}", t("few", language)]
    if incidents.is_synthetic:
        facts.append(t("synthetic", language).upper())
    st.html(class_bar(f"{t('number_not_risk', language)}: {t('unit_year', language)}", classes, top, "", facts))


def _coloured(counts: AreaCounts, language: str) -> tuple[dict[str, object], list[tuple[str, str, float]], str]:
    """Return the areas with their colours and texts, and the classes of the legend."""
    rates = [feature["properties"]["per_km2"] for feature in counts.geojson["features"]]
    breaks = nice_breaks(max(rates, default=0.0), n=5)
    lows = (0.0, *breaks[:-1])
    colours = [as_hex(rgb) for rgb in ramp(len(lows), theme=_colours())]
    features = []
    for feature in counts.geojson["features"]:
        given = feature["properties"]
        position = max(i for i, low in enumerate(lows) if given["per_km2"] >= low)
        features.append(
            {
                **feature,
                "properties": {
                    "name": given["name"],
                    "district": given["district"],
                    "n": number(given["n"], language),
                    "rate": number(given["per_km2"], language, 1),
                    "fill": colours[position],
                    "opacity": 0.75 if given["n"] >= FEW else 0.35,
                    "dash": "" if given["n"] >= FEW else "4 3",
                },
            }
        )
    classes = [(short(low, language), colour, 0.75) for low, colour in zip(lows, colours, strict=True)]
    return {**counts.geojson, "features": features}, classes, short(max(rates, default=0.0), language)


def _times_view(
    planner: PlannerServices,
    selection: Selection,
    incidents: Incidents,
    filters: Filters,
    options: Options,
    days: tuple[date, date],
    language: str,
) -> None:
    """Show hours and weekdays, months, and the most frequent types."""
    counts, per_hour = planner.by_hour(selection, incidents=incidents, time_zone=options.time_zone)
    st.markdown(f"**{t('hour_table', language)}**")
    st.html(hour_table(counts, per_hour, theme=_colours(), language=language))
    st.caption(f"{t('hour_note', language)} {_span(days, language)}, N = {number(incidents.n, language)}.")
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        st.markdown(f"**{t('month_table', language)}**")
        months = planner.by_month(selection, incidents=incidents, time_zone=options.time_zone)
        st.html(month_bars(months, days, language=language))
    with right:
        st.markdown(f"**{t('type_table', language)}**")
        names = dict(zip(options.types["type_code"], options.types[f"name_{language}"], strict=True))
        st.html(type_bars(planner.by_type(incidents=incidents).head(10), names, language=language))


def _colours() -> str:
    return "night" if theme() == "night" else "day"
