"""Legends, tables and bars of the planner's page as HTML; every text is escaped."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from dashboard.planner_text import month, number, t
from gis.analysis.colours import as_hex, ramp

LINE = "rgba(128,140,155,.35)"
# Colours of the two lanes, apart for any colour vision, on light and dark.
LANE_COLOURS = {"D": "#7a3b86", "L": "#c98a2b"}


def class_bar(title: str, classes: Sequence[tuple[str, str, float]], top: str, below: str, facts: Sequence[str]) -> str:
    """Return a legend: a bar of classes with their bounds, and the facts about the picture.

    Parameters
    ----------
    classes
        Lower bound, colour (``#rrggbb``) and opacity of each class, least first.
    top
        Highest value.
    below
        What lies below the first class.
    """
    cells = "".join(
        f'<span style="flex:1;min-width:44px"><span style="display:block;height:12px;background:{colour};'
        f'opacity:{opacity}"></span><span style="display:block;font-size:.8rem">{html.escape(low)}</span></span>'
        for low, colour, opacity in classes
    )
    last = f'<span style="font-size:.8rem;padding-top:12px">{html.escape(top)}</span>' if classes else ""
    note = f'<span style="font-size:.8rem;opacity:.75;padding-left:12px">{html.escape(below)}</span>' if below else ""
    return (
        f'<div class="sg-classes" style="line-height:1.35"><div style="display:flex;align-items:center;gap:16px">'
        f'<strong style="font-size:.85rem;white-space:nowrap">{html.escape(title)}</strong>'
        f'<div style="display:flex;flex:0 1 420px">{cells}{last}</div>{note}</div>'
        f'<div style="font-size:.8rem;opacity:.85">{html.escape(" · ".join(facts))}</div></div>'
    )


def ink_on(colour: str) -> str:
    """Return white or near-black, whichever has more contrast on a ground ``#rrggbb`` (WCAG 2.1)."""

    def luminance(of: str) -> float:
        parts = [int(of[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ground = luminance(colour) + 0.05
    return "#ffffff" if 1.05 / ground >= ground / (luminance("#0b1219") + 0.05) else "#0b1219"


def hour_table(counts: pd.DataFrame, per_hour: pd.DataFrame, *, theme: str, language: str) -> str:
    """Return weekday × hour as a table of colours and numbers.

    Parameters
    ----------
    counts, per_hour
        7 × 24, Monday first (`gis.analysis.hour_by_weekday`).
    """
    n_classes = 7
    colours = [as_hex(rgb) for rgb in ramp(n_classes, theme=theme)]
    inks = [ink_on(colour) for colour in colours]
    top = float(per_hour.max(axis=None)) or 1.0
    head = "".join(f'<th scope="col" style="font-weight:400;opacity:.8">{hour:02d}</th>' for hour in range(24))
    rows = []
    for weekday in range(7):
        cells = []
        for hour in range(24):
            value, n = per_hour.iat[weekday, hour], int(counts.iat[weekday, hour])
            if pd.isna(value):
                cells.append('<td style="opacity:.5">–</td>')
                continue
            position = min(int(value / top * n_classes), n_classes - 1)
            title = html.escape(f"{t(f'weekday_{weekday}', language)} {hour:02d}:00, N = {number(n, language)}")
            cells.append(
                f'<td title="{title}" style="background:{colours[position]};color:{inks[position]}">'
                f"{number(100 * float(value), language)}</td>"
            )
        name = html.escape(t(f"weekday_{weekday}", language))
        rows.append(f'<tr><th scope="row" style="text-align:left;font-weight:400">{name}</th>{"".join(cells)}</tr>')
    return (
        '<table class="sg-hours" style="border-collapse:separate;border-spacing:2px;width:100%;table-layout:fixed;'
        'font-size:.78rem;text-align:center;font-variant-numeric:tabular-nums">'
        '<colgroup><col style="width:72px"></colgroup>'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def month_bars(months: pd.DataFrame, days: tuple[date, date], *, language: str) -> str:
    """Return counts per month as bars, emergencies below services; months the period only touches are hatched.

    Parameters
    ----------
    months
        Index `period` (first local day), columns `D`, `L`, `n`.
    days
        First and last local day of the period.
    """
    top = max(int(months["n"].max()), 1)
    bars = []
    step = -(-len(months) // 12)
    for position, (first, row) in enumerate(months.iterrows()):
        start = first.date()
        end = (start.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        is_partial = start < days[0] or end > days[1]
        pieces = "".join(
            f'<span style="display:block;height:{140 * int(row[lane]) / top:.1f}px;background:{LANE_COLOURS[lane]};'
            f'opacity:{0.45 if is_partial else 0.9}"></span>'
            for lane in ("L", "D")
        )
        label = month(start, language)
        partial = f" ({t('partial', language)})" if is_partial else ""
        title = html.escape(
            f"{label}{partial}: {t('lane_D', language)} {number(row['D'], language)}, "
            f"{t('lane_L', language)} {number(row['L'], language)}"
        )
        shown = html.escape(label) if position % step == 0 else "&nbsp;"
        bars.append(
            f'<div title="{title}" style="flex:1;min-width:0"><div style="height:14px;font-size:.7rem;opacity:.8;'
            f'white-space:nowrap">{number(row["n"], language) if len(months) <= 14 else "&nbsp;"}</div>'
            f'<div style="height:140px;display:flex;flex-direction:column;justify-content:flex-end;'
            f'border-bottom:1px solid {LINE}">{pieces}</div>'
            f'<div style="font-size:.7rem;white-space:nowrap">{shown}</div></div>'
        )
    key = "".join(
        f'<span style="margin-right:14px"><span style="display:inline-block;width:10px;height:10px;margin-right:5px;'
        f'background:{colour}"></span>{html.escape(t(f"lane_{lane}", language))}</span>'
        for lane, colour in LANE_COLOURS.items()
    )
    scale = f'<span style="opacity:.75">max {number(top, language)}</span>'
    return (
        f'<div style="font-size:.8rem">{key}{scale}</div>'
        f'<div class="sg-months" style="display:flex;gap:3px;text-align:center">{"".join(bars)}</div>'
    )


def type_bars(types: pd.DataFrame, names: Mapping[str, str], *, language: str) -> str:
    """Return the most frequent types as bars; columns `type_code, lane, n, share`."""
    top = max(int(types["n"].max()), 1) if len(types) else 1
    rows = []
    for row in types.itertuples():
        name = html.escape(names.get(row.type_code, row.type_code))
        rows.append(
            f'<span style="overflow:hidden;text-overflow:ellipsis;white-space:nowrap" title="{name}">{name}</span>'
            f'<span style="height:11px;width:{100 * row.n / top:.1f}%;opacity:.9;'
            f'background:{LANE_COLOURS.get(row.lane, "#808c9b")}"></span>'
            f'<span style="text-align:right">{number(row.n, language)}</span>'
        )
    return (
        '<div class="sg-types" style="display:grid;grid-template-columns:minmax(90px,12rem) 1fr auto;gap:5px 10px;'
        f'align-items:center;font-size:.8rem;font-variant-numeric:tabular-nums">{"".join(rows)}</div>'
    )
