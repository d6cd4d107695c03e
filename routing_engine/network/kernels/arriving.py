"""From degrees to the seconds of every station in one call: what a single incident asks.

The parts are those that batches use (`placing`, `gathering`). Called one by one from Python, handing over their
arguments would take longer than the work itself.
"""

from __future__ import annotations

import numpy as np
from numba import types

from gis.kernel_kinds import (
    F4_2,
    F8,
    F8_2,
    I4,
    I8,
    I8_2,
    F8_2_out,
    I1_2_out,
    I1_out,
    I8_2_out,
    f8,
    kernel,
)
from routing_engine.network.kernels.gathering import reach
from routing_engine.network.kernels.placing import place, project


@kernel(
    types.int64,
    F8_2, F8, f8, f8,
    I4, F8_2, I4, F8, I4, F8, F8,
    F4_2, F4_2, I8, I8_2, F8, F8, I8, I8,
    I8, I8, F8, F8, I8, f8, f8,
    I8_2_out, F8_2_out, F8_2_out, I1_out, F8_2_out, F8_2_out, I1_2_out,
)  # fmt: skip
def arrive(
    lonlat, utm, limit, tolerance,
    cell_start, cell_ends, cell_segment, frame, segment_edge, segment_along, drawn_length,
    field_time, field_path, columns, edge_arc, arc_time, edge_length, source_start, source,
    on_edge, on_station, on_fraction, on_distance, column_of, pace, same_place,
    out_edge, out_fraction, out_distance, out_reason, out_time, out_metres, out_candidate,
):  # fmt: skip
    """Put positions on streets (`placing.place`) and find the drives of all stations to them (`gathering.reach`).

    Returns how many are on none; `out_reason` is 1 for them, else 0.
    """
    n = len(lonlat)
    xy = np.empty((n, 2))
    for i in range(n):
        xy[i, 0], xy[i, 1] = project(lonlat[i, 0], lonlat[i, 1], utm)
    place(
        xy, np.empty(0), limit, tolerance, 0.0,
        cell_start, cell_ends, cell_segment, frame, segment_edge, segment_along, drawn_length, edge_arc,
        np.empty(0, np.int64), 0, n, out_edge, out_fraction, out_distance,
    )  # fmt: skip
    reach(
        field_time, field_path, columns, True,
        out_edge, out_fraction, out_distance, edge_arc, arc_time, edge_length, source_start, source,
        on_edge, on_station, on_fraction, on_distance, column_of, pace, same_place, 0, n,
        out_time, out_metres, out_candidate,
    )  # fmt: skip
    n_refused = 0
    for i in range(n):
        out_reason[i] = 1 if out_edge[i, 0] < 0 else 0
        n_refused += out_reason[i]
    return n_refused
