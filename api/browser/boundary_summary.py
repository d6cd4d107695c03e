"""One page for the signature: what a draft of boundaries does, on a sheet of A4.

Plain HTML with the map as inline SVG, no script; every text of a person is escaped. Its style is an asset beside that
of the log-in page.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry.base import BaseGeometry

from gis.words import Language
from zones.draft_rows import clock
from zones.layers import Layer, is_same

TEXTS: dict[str, tuple[str, str]] = {
    "heading": ("Perubahan batas wilayah", "Change of boundaries"),
    "effective": ("Berlaku mulai", "In force from"),
    "not_proposed": ("belum diajukan", "not proposed yet"),
    "reason": ("Alasan", "Reason"),
    "gap_reason": ("Alasan celah", "Reason for gaps"),
    "before": ("Sebelum", "Before"),
    "after": ("Sesudah", "After"),
    "jurisdiction": ("Wilayah", "Jurisdiction"),
    "area_before": ("Luas sebelum", "Area before"),
    "area_after": ("Luas sesudah", "Area after"),
    "gained": ("Bertambah", "Gained"),
    "lost": ("Berkurang", "Lost"),
    "places": ("Tempat (+/−)", "Places (+/−)"),
    "incidents": ("Kejadian (+/−)", "Incidents (+/−)"),
    "kelurahan": ("Kelurahan", "Kelurahan"),
    "counted": (
        "{n} dari {total} kejadian {since} sampai {until} akan ditangani wilayah lain, {agency} oleh instansi lain.",
        "{n} of {total} incidents from {since} to {until} would be another jurisdiction's, {agency} another agency's.",
    ),
    "by_type": ("Menurut jenis", "By type"),
    "by_month": ("Menurut bulan", "By month"),
    "none": ("tidak ada", "none"),
    "more": ("dan {n} lainnya", "and {n} more"),
    "travel": ("Waktu tempuh pos terdekat ke kejadian itu", "Travel time of the nearest station to these incidents"),
    "half": ("separuh dalam", "half within"),
    "most": ("9 dari 10 dalam", "9 of 10 within"),
    "minutes": ("{n} menit", "{n} min"),
    "no_roads": ("tidak dihitung: tidak ada jaringan jalan", "not computed: there is no road network"),
    "checks": ("Pemeriksaan", "Checks"),
    "overlaps": ("Tumpang tindih baru", "New overlaps"),
    "gaps": ("Celah baru", "New gaps"),
    "sides": ("Para pihak", "The sides"),
    "office": ("Jabatan dan nama", "Office and name"),
    "signature": ("Tanda tangan dan tanggal", "Signature and date"),
    "signed": ("ditandatangani {office}, {at}", "signed by {office}, {at}"),
    "paper": ("surat {ref}", "paper {ref}"),
    "digest": ("Sidik isi", "Digest of the content"),
    "draft": ("Rancangan", "Draft"),
    "printed": ("Dicetak", "Printed"),
    "note": ("Catatan", "Note"),
    "synthetic_incidents": (
        "{n} dari {total} kejadian ini buatan (riwayat contoh), bukan kejadian nyata.",
        "{n} of these {total} incidents are made up (an example history), not real ones.",
    ),
    "synthetic_roads": (
        "Waktu tempuh dihitung pada jalan buatan.",
        "Travel times are computed on made-up roads.",
    ),
    "not_calibrated": ("Waktu tempuh belum dikalibrasi.", "Travel times are not calibrated."),
    "approximate": (
        "Garis batas ini perkiraan, belum disahkan instansinya.",
        "These boundary lines are approximate and not yet approved by their agencies.",
    ),
    "map": (
        "Arsir: tanah yang berpindah. Titik: kejadian yang akan berpindah.",
        "Hatched: ground that moves. Dots: incidents that would move.",
    ),
}
WIDTH, HEIGHT = 340.0, 230.0
# Half of a name's width: nearer to the edge it would be cut.
LABEL_X = 36.0
MOST_DOTS, MOST_ROWS = 400, 8
# A move smaller than this is drawn with so much of its surroundings, degrees (about 2 km).
LEAST_VIEW = 0.018


def page(
    draft: Mapping[str, Any],
    impact: Mapping[str, Any],
    before: Layer,
    after: Layer,
    *,
    zone: ZoneInfo,
    now: datetime,
    language: Language,
    city: str,
) -> str:
    """Return the page.

    Parameters
    ----------
    draft
        As `draft_views.describe` gives it.
    impact
        As `boundary_impact.impact_of_draft` gives it.
    before, after
        Layers of the service without and with the draft, for the map.
    zone, city
        The city's time zone and name.
    """
    words = _Words(language, zone)
    at = words.moment(draft["effective_from"]) if draft["effective_from"] else words("not_proposed")
    reasons = "".join(
        f"<dt>{words(key)}</dt><dd>{html.escape(draft[key])}</dd>" for key in ("reason", "gap_reason") if draft[key]
    )
    maps = _maps(before, after, impact["points"]["features"], words)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(draft['title'])} — Siaga</title>"
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/summary.css"></head><body><main>'
        f"<header><h1>{words('heading')}: {html.escape(draft['title'])}</h1>"
        f"<p>{html.escape(city)} · {html.escape(draft['service'])} · {html.escape(draft['state_label'])}</p></header>"
        f"<dl><dt>{words('effective')}</dt><dd><b>{html.escape(at)}</b></dd>{reasons}</dl>"
        f'<div class="maps">{maps}</div><p class="small">{words("map")}</p>'
        f"{_ground(impact, words)}{_incidents(impact, words)}{_checks(draft, words)}{_sides(draft, words)}"
        f"{_notes(impact, words)}"
        f'<footer class="small">{words("draft")} {html.escape(draft["draft_id"])} · v{draft["version"]} · '
        f"{words('digest')} <code>{html.escape(draft['digest'] or '—')}</code> · "
        f"{words('printed')} {html.escape(words.moment(now.isoformat()))}</footer></main></body></html>"
    )


class _Words:
    """Texts, numbers and moments in one language; texts come escaped, moments do not."""

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language, self.zone = language, zone

    def __call__(self, key: str, **values: object) -> str:
        return html.escape(TEXTS[key][self.language == Language.EN].format(**values))

    def moment(self, value: str) -> str:
        return clock(datetime.fromisoformat(value), self.zone, self.language)

    def number(self, value: float, digits: int = 0) -> str:
        said = f"{value:,.{digits}f}"
        return said.translate(str.maketrans(",.", ".,")) if self.language == Language.ID else said

    def area(self, m2: float | None) -> str:
        if m2 is None:
            return "—"
        return f"{self.number(m2 / 1e6, 2)} km²" if m2 >= 1e5 else f"{self.number(m2)} m²"

    def minutes(self, seconds: float | None) -> str:
        return "—" if seconds is None else self("minutes", n=self.number(seconds / 60, 1))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Return a table; heads and cells are HTML already."""
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _ground(impact: Mapping[str, Any], words: _Words) -> str:
    rows = []
    for one in impact["jurisdictions"][: 2 * MOST_ROWS]:
        kelurahan = [f"+{area['name']}" for area in one["kelurahan_gained"]]
        kelurahan += [f"−{area['name']}" for area in one["kelurahan_lost"]]
        rows.append(
            [
                html.escape(one["name"]),
                words.area(one["area_before_m2"]),
                words.area(one["area_m2"]),
                words.area(one["gained_m2"]),
                words.area(one["lost_m2"]),
                f"+{one['n_places_gained']} / −{one['n_places_lost']}",
                f"+{one['incidents_gained']} / −{one['incidents_lost']}",
                html.escape(", ".join(kelurahan[:6])) + _more(len(kelurahan) - 6, words),
            ]
        )
    heads = ("jurisdiction", "area_before", "area_after", "gained", "lost", "places", "incidents", "kelurahan")
    return _table([words(key) for key in heads], rows)


def _more(n: int, words: _Words) -> str:
    return f" {words('more', n=n)}" if n > 0 else ""


def _incidents(impact: Mapping[str, Any], words: _Words) -> str:
    counted = words(
        "counted",
        n=words.number(impact["n_changed"]),
        total=words.number(impact["n_incidents"]),
        agency=words.number(impact["n_agency_changed"]),
        since=words.moment(impact["since"]),
        until=words.moment(impact["until"]),
    )
    kinds = [f"{html.escape(one['name'])} {one['n']}" for one in impact["by_type"]]
    types = ", ".join(kinds[:MOST_ROWS]) + _more(len(kinds) - MOST_ROWS, words) if kinds else words("none")
    months = " · ".join(f"{one['month'][5:]}/{one['month'][2:4]} {one['n']}" for one in impact["by_month"])
    travel = impact["travel_time"]
    if travel is None:
        said = words("no_roads")
    else:
        said = "; ".join(
            f"{words(side)}: {words('half')} {words.minutes(travel[side]['p50_s'])},"
            f" {words('most')} {words.minutes(travel[side]['p90_s'])}"
            for side in ("before", "after")
        )
    return (
        f"<p>{counted}</p><dl><dt>{words('by_type')}</dt><dd>{types}</dd><dt>{words('by_month')}</dt><dd>{months}</dd>"
        f"<dt>{words('travel')}</dt><dd>{said}</dd></dl>"
    )


def _checks(draft: Mapping[str, Any], words: _Words) -> str:
    said = []
    for kind in ("overlaps", "gaps"):
        found = draft["checks"][kind]
        total = words.area(sum(item["area_m2"] for item in found)) if found else ""
        said.append(f"{words(kind)}: {f'{len(found)} ({total})' if found else words('none')}")
    return f"<dl><dt>{words('checks')}</dt><dd>{'; '.join(said)}</dd></dl>"


def _sides(draft: Mapping[str, Any], words: _Words) -> str:
    rows = []
    for side in draft["sides"]:
        signed = side["signature"]
        office = line = ""
        if signed:
            at = signed["signed_at"]
            moment = words.moment(at if isinstance(at, str) else at.isoformat())
            office = words("signed", office=signed["office"], at=moment)
            line = words("paper", ref=signed["paper_ref"]) if signed["paper_ref"] else html.escape(signed["signed_by"])
        rows.append([html.escape(f"{side['name']} ({side['agency']})"), office, line])
    return _table([words("sides"), words("office"), words("signature")], rows, "sides")


def _notes(impact: Mapping[str, Any], words: _Words) -> str:
    notes = []
    if impact["n_synthetic"]:
        total = words.number(impact["n_incidents"])
        notes.append(words("synthetic_incidents", n=words.number(impact["n_synthetic"]), total=total))
    if impact["travel_time"] is not None:
        if impact["roads_synthetic"]:
            notes.append(words("synthetic_roads"))
        if not impact["is_calibrated"]:
            notes.append(words("not_calibrated"))
    if impact["boundaries_approximate"]:
        notes.append(words("approximate"))
    return f'<p class="note"><b>{words("note")}.</b> {" ".join(notes)}</p>' if notes else ""


class _View:
    """A part of the map, its degrees drawn so that a metre is as long in both directions."""

    def __init__(self, bounds: tuple[float, float, float, float]) -> None:
        west, south, east, north = bounds
        self.squeeze = math.cos(math.radians((south + north) / 2))
        x, y = (west + east) / 2, (south + north) / 2
        wide, high = max((east - west) * 1.6, LEAST_VIEW), max((north - south) * 1.6, LEAST_VIEW)
        self.scale = min(WIDTH / (wide * self.squeeze), HEIGHT / high)
        self.west, self.north = x - WIDTH / 2 / self.scale / self.squeeze, y + HEIGHT / 2 / self.scale
        self.box = shapely.box(
            self.west, self.north - HEIGHT / self.scale, self.west + WIDTH / self.scale / self.squeeze, self.north
        )

    def xy(self, lon: float, lat: float) -> tuple[float, float]:
        return (lon - self.west) * self.squeeze * self.scale, (self.north - lat) * self.scale

    def path(self, shape: BaseGeometry) -> str:
        drawn = shapely.simplify(shapely.intersection(shape, self.box), 0.4 / self.scale)
        parts = []
        for polygon in shapely.get_parts(drawn):
            if polygon.geom_type == "Polygon" and not polygon.is_empty:
                for ring in (polygon.exterior, *polygon.interiors):
                    points = [self.xy(*point) for point in ring.coords]
                    parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z")
        return "".join(parts)


def _maps(before: Layer, after: Layer, points: Sequence[Mapping[str, Any]], words: _Words) -> str:
    changed = [key for key in sorted(before.keys() | after.keys()) if not is_same(before.get(key), after.get(key))]
    empty = shapely.MultiPolygon()

    def shape(layer: Layer, key: str) -> BaseGeometry:
        return layer[key].shape if key in layer else empty

    moved = shapely.union_all(
        [shapely.symmetric_difference(shape(before, key), shape(after, key)) for key in changed]
        or [area.shape for area in after.values()]
    )
    if moved.is_empty:
        moved = shapely.union_all([shape(after, key) for key in changed])
    if moved.is_empty:
        return ""
    view = _View(moved.bounds)
    dots = []
    for point in points[:MOST_DOTS]:
        x, y = view.xy(*point["geometry"]["coordinates"])
        if 0 <= x <= WIDTH and 0 <= y <= HEIGHT:
            dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6"/>')
    drawn = "".join(
        _map(view, layer, changed, moved, "".join(dots), words(name), name)
        for name, layer in (("before", before), ("after", after))
    )
    return drawn


def _map(
    view: _View, layer: Layer, changed: Sequence[str], moved: BaseGeometry, dots: str, title: str, name: str
) -> str:
    shapes, labels = [], []
    for key, area in layer.items():
        if area.is_citywide or not (path := view.path(area.shape)):
            continue
        kind = f"own{changed.index(key) % 6}" if key in changed else "other"
        shapes.append(f'<path class="{kind}" d="{path}"/>')
        seen = shapely.intersection(area.shape, view.box)
        x, y = view.xy(*seen.representative_point().coords[0])
        x = min(max(x, LABEL_X), WIDTH - LABEL_X)
        labels.append(f'<text x="{x:.1f}" y="{y:.1f}">{html.escape(area.name)}</text>')
    hatch = (
        f'<pattern id="hatch-{name}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line class="hatch" x1="0" y1="0" x2="0" y2="5"/></pattern>'
    )
    return (
        f'<figure><figcaption>{title}</figcaption><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img"'
        f' aria-label="{title}"><defs>{hatch}</defs>{"".join(shapes)}'
        f'<path class="moved" fill="url(#hatch-{name})" d="{view.path(moved)}"/><g class="dots">{dots}</g>'
        f"{''.join(labels)}</svg></figure>"
    )
