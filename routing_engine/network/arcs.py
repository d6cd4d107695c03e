"""From the rows of the road tables to arcs and turn restrictions of one vehicle profile."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gis.errors import Finding, NetworkError
from routing_engine.network.groups import EVERY, GROUP_OF
from routing_engine.network.profiles import Profile
from routing_engine.network.states import Arcs, Floats, Ints, Turns
from routing_engine.network.units import drive_s, exact_s


def column(frame: pd.DataFrame, name: str, default: Any, kind: Any) -> npt.NDArray[Any]:
    """Return a column as an array, `default` throughout where the frame is without it."""
    if name in frame:
        return frame[name].to_numpy(kind)
    return np.full(len(frame), default, dtype=kind)


def check_tables(nodes: pd.DataFrame, edges: pd.DataFrame, geometry: npt.NDArray[np.object_]) -> None:
    """Refuse tables that cannot be a network, with every kind of fault at once."""
    findings: list[Finding] = []

    def refuse(bad: Any, field: str, ids: pd.Series, reason: str) -> None:
        listed = ids[np.asarray(bad)].tolist()
        if listed:
            findings.append(Finding(field=field, reason=f"{reason}: {len(listed)}, first {listed[:3]}"))

    lonlat = nodes[["lon", "lat"]].to_numpy(np.float64)
    in_range = np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat) <= [180, 90]).all(axis=1)
    refuse(~in_range, "node", nodes["node_id"], "position not on Earth")
    refuse(nodes["node_id"].duplicated(), "node", nodes["node_id"], "id given twice")
    refuse(edges["edge_id"].duplicated(), "edge", edges["edge_id"], "id given twice")
    known = edges["from_node"].isin(nodes["node_id"]) & edges["to_node"].isin(nodes["node_id"])
    refuse(~known, "edge", edges["edge_id"], "starts or ends at a node that is not in the table")
    refuse(
        ~edges["direction"].isin(["both", "forward", "backward"]),
        "direction",
        edges["edge_id"],
        "not one of both, forward, backward",
    )
    is_line = (shapely.get_type_id(geometry) == 1) & (shapely.get_num_points(geometry) >= 2)
    refuse(~is_line, "geom", edges["edge_id"], "not a line of two or more vertices")
    length = edges["length_m"].to_numpy(np.float64)
    refuse(~(np.isfinite(length) & (length >= 0)), "length_m", edges["edge_id"], "not a length in metres")
    for name in ("speed_kph", "speed_backward_kph", "width_m", "max_width_m"):
        value = column(edges, name, np.nan, np.float64)
        refuse(~(np.isnan(value) | ((value > 0) & np.isfinite(value))), name, edges["edge_id"], "not above zero")
    if findings:
        shown = "; ".join(str(finding) for finding in findings[:5])
        more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
        raise NetworkError(f"road network refused: {shown}{more}")


def make_arcs(nodes: pd.DataFrame, edges: pd.DataFrame, ends: Ints, kph: Floats, profile: Profile) -> Arcs:
    """Make the arcs a vehicle of the profile may drive, and their seconds.

    Parameters
    ----------
    ends
        Node indices of each edge ``(n_edges, 2)``.
    kph
        Speed along and against the drawing ``(n_edges, 2)``; NaN where driving is not allowed.
    """
    sides = ~np.isnan(kph)
    edge, side = np.nonzero(sides)
    of_edge = np.full(sides.shape, -1, dtype=np.int64)
    of_edge[edge, side] = np.arange(len(edge))
    head = ends[edge, 1 - side]

    seconds = edges["length_m"].to_numpy(np.float64)[edge] * 3.6 / kph[edge, side]
    is_limited = edges["limited"].notna().to_numpy() if "limited" in edges else np.zeros(len(edges), bool)
    seconds = np.where(is_limited[edge], seconds * profile.limited_factor, seconds)
    along = column(edges, "n_signals_forward", 0, np.int64)
    against = column(edges, "n_signals_backward", 0, np.int64)
    signals = np.where(side == 0, along[edge], against[edge])
    crossings = column(edges, "n_level_crossings", 0, np.int64)[edge]
    seconds = seconds + signals * profile.signal_s + crossings * profile.level_crossing_s
    delay = column(nodes, "is_signal", False, bool)[head] * profile.signal_s
    delay = delay + column(nodes, "is_level_crossing", False, bool)[head] * profile.level_crossing_s
    return Arcs(
        edge=edge, tail=ends[edge, side], head=head, of_edge=of_edge, time_s=drive_s(seconds), delay_s=exact_s(delay)
    )


def make_turns(
    restrictions: pd.DataFrame, edge_ids: pd.Index[Any], node_ids: pd.Index[Any], ends: Ints, profile: Profile
) -> tuple[Turns, tuple[Finding, ...]]:
    """Translate restrictions to indices; those that cannot apply are dropped and reported."""
    if len(edge_ids) == 0:
        restrictions = restrictions.iloc[:0]
    start = edge_ids.get_indexer(pd.Index(restrictions["from_edge"]))
    target = edge_ids.get_indexer(pd.Index(restrictions["to_edge"]))
    via = node_ids.get_indexer(pd.Index(restrictions["via_node"]))
    kind = restrictions["kind"].to_numpy()
    binds = (column(restrictions, "applies", EVERY, np.int64) & GROUP_OF[profile.name]) != 0
    listed: list[tuple[int, ...]] = [()] * len(restrictions)
    last = via.copy()
    over_streets = np.zeros(len(restrictions), dtype=bool)
    if "via_edges" in restrictions:
        for i, ids in enumerate(restrictions["via_edges"]):
            if ids is not None and len(ids):
                listed[i] = tuple(edge_ids.get_indexer(pd.Index(ids)).tolist())
                over_streets[i] = True
                last[i] = _end_of(listed[i], int(via[i]), ends)
    # Without the edge it comes from (closed, clipped away) a restriction means nothing; without the edge it leads
    # to, an `only` still forbids all others.
    present = (start >= 0) & (via >= 0)
    meets = present & (ends[start] == via[:, None]).any(axis=1) & (last >= 0)
    meets &= (target < 0) | (ends[target] == last[:, None]).any(axis=1)
    known = np.isin(kind, ["no", "only"])
    findings = tuple(
        Finding(field="restriction", reason=reason, value=int(row))
        for bad, reason in (
            (present & ~meets, "its edges do not meet at the via node"),
            (~known, "kind is neither no nor only"),
        )
        for row in np.flatnonzero(bad)
    )
    used = np.flatnonzero(meets & known & binds)
    only = kind[used] == "only"
    return Turns(start[used], via[used], target[used], only, tuple(listed[i] for i in used)), findings


def _end_of(via_edges: tuple[int, ...], node: int, ends: Ints) -> int:
    """Return the node where the edges end that begin at `node`; -1 when they do not hang together."""
    for edge in via_edges:
        if edge < 0 or node not in ends[edge]:
            return -1
        node = int(ends[edge].sum()) - node
    return node
