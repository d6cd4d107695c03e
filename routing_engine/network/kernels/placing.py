"""Nearest street segments of positions, over a grid of square cells; exact, no distance is approximated."""

from __future__ import annotations

import math

import numpy as np
from numba import types

from gis.kernel_kinds import (
    F8,
    F8_2,
    I4,
    I8,
    I8_2,
    F8_2_out,
    I8_2_out,
    I8_out,
    b1,
    f8,
    i8,
    kernel,
    part_of_kernels,
)

# Terms of the Krüger series; see `project`.
N_TERMS = 6


@kernel(types.int64, F8_2, f8, f8, f8, i8, i8, I8_2_out, b1)
def rasterise(ends, left, bottom, cell, n_columns, n_rows, out, counts_only):
    """Find the cells each segment touches: rows (cell, segment) into `out`; return how many there are.

    Row by row of cells, the part of the segment inside the row is widened by a hair, so that a segment along a border
    lies in the cells on both sides and no rounding loses one.
    """
    found = 0
    hair = 1e-6
    for segment in range(len(ends)):
        x0, y0, x1, y1 = ends[segment, 0], ends[segment, 1], ends[segment, 2], ends[segment, 3]
        low, high = min(y0, y1) - hair, max(y0, y1) + hair
        first_row = max(0, math.floor((low - bottom) / cell))
        last_row = min(n_rows - 1, math.floor((high - bottom) / cell))
        for row in range(first_row, last_row + 1):
            if y0 == y1:
                a, b = x0, x1
            else:
                from_part = (bottom + row * cell - hair - y0) / (y1 - y0)
                to_part = (bottom + (row + 1) * cell + hair - y0) / (y1 - y0)
                if from_part > to_part:
                    from_part, to_part = to_part, from_part
                from_part, to_part = max(0.0, from_part), min(1.0, to_part)
                a, b = x0 + from_part * (x1 - x0), x0 + to_part * (x1 - x0)
            first_column = max(0, math.floor((min(a, b) - hair - left) / cell))
            last_column = min(n_columns - 1, math.floor((max(a, b) + hair - left) / cell))
            for column in range(first_column, last_column + 1):
                if not counts_only:
                    out[found, 0] = row * n_columns + column
                    out[found, 1] = segment
                found += 1
    return found


@part_of_kernels
def project(lon, lat, utm):
    """Return metres of degrees in a transverse Mercator zone, by Krüger's series to the sixth term (Karney 2011).

    `utm`: central meridian (radians), eccentricity, k0 · A (metres), false easting and northing, then the terms. Within
    30 degrees of the meridian it agrees with PROJ to nanometres; beyond 60, and off the Earth, there is no image.
    """
    if not (abs(lon) <= 180.0 and abs(lat) <= 90.0):
        return np.inf, np.inf
    away = math.radians(lon) - utm[0]
    away -= 2.0 * math.pi * np.rint(away / (2.0 * math.pi))
    if not abs(away) <= math.pi / 3.0:
        return np.inf, np.inf
    tau = math.tan(math.radians(lat))
    root = math.sqrt(1.0 + tau * tau)
    sigma = math.sinh(utm[1] * math.atanh(utm[1] * tau / root))
    tau = tau * math.sqrt(1.0 + sigma * sigma) - sigma * root
    xi = math.atan2(tau, math.cos(away))
    eta = math.asinh(math.sin(away) / math.hypot(tau, math.cos(away)))
    # Clenshaw's sum of the complex series.
    double = 2.0 * complex(xi, eta)
    real, imaginary = double.real, double.imag
    sine, cosine = math.sin(real), math.cos(real)
    up, down = math.cosh(imaginary), math.sinh(imaginary)
    turned = complex(2.0 * cosine * up, -2.0 * sine * down)
    one, two = 0j, 0j
    for term in range(N_TERMS - 1, -1, -1):
        one, two = turned * one - two + utm[5 + term], one
    total = one * complex(sine * up, cosine * down)
    return utm[3] + utm[2] * (eta + total.imag), utm[4] + utm[2] * (xi + total.real)


@kernel(types.void, F8_2, F8, i8, i8, F8_2_out)
def project_all(lonlat, utm, first, last, out):
    """Project positions `first` to `last`."""
    for i in range(first, last):
        out[i, 0], out[i, 1] = project(lonlat[i, 0], lonlat[i, 1], utm)


@kernel(types.void, F8_2, F8, i8, I8_out)
def by_place(xy, frame, n_cells, out):
    """Order positions by squares of `n_cells` × `n_cells`: neighbours then read the same streets from the cache."""
    size = frame[2] * n_cells
    n_columns, n_rows = int(frame[3]) // n_cells + 1, int(frame[4]) // n_cells + 1
    square = np.zeros(len(xy), np.int64)
    start = np.zeros(n_columns * n_rows + 1, np.int64)
    for i in range(len(xy)):
        x, y = (xy[i, 0] - frame[0]) / size, (xy[i, 1] - frame[1]) / size
        if 0.0 <= x < n_columns and 0.0 <= y < n_rows:
            square[i] = int(y) * n_columns + int(x)
        start[square[i] + 1] += 1
    for i in range(n_columns * n_rows):
        start[i + 1] += start[i]
    for i in range(len(xy)):
        out[start[square[i]]] = i
        start[square[i]] += 1


@part_of_kernels
def fits_bearing(bearing, tolerance, dx, dy, may_forward, may_backward):
    """Whether a vehicle heading `bearing` (degrees from grid north) can be driving along (dx, dy)."""
    heading = math.degrees(math.atan2(dx, dy))
    off = abs(heading - bearing) % 360.0
    off = min(off, 360.0 - off)
    return (may_forward and off <= tolerance) or (may_backward and 180.0 - off <= tolerance)


@part_of_kernels
def candidates_of(
    x, y, bearing, limit, tolerance, n_wanted, bearing_tolerance,
    cell_start, cell_ends, cell_segment, frame, segment_edge, segment_along, edge_arc,
    edge, squared, along,
):  # fmt: skip
    """Find up to `n_wanted` edges within `tolerance` of the nearest, and `limit`; return how many.

    Cells are visited in rings round the point's own; a ring that is farther than what is still wanted ends the search.
    `frame`: left, bottom, cell size, columns, rows. Results by distance, then edge; a tie along one edge goes to its
    first segment.
    """
    left, bottom, cell = frame[0], frame[1], frame[2]
    n_columns, n_rows = int(frame[3]), int(frame[4])
    found = 0
    if not (abs(x) < 1e12 and abs(y) < 1e12):
        return 0
    # No edge lies outside the grid: a point farther from it than the limit is far from all.
    outside_x = max(left - x, x - (left + n_columns * cell), 0.0)
    outside_y = max(bottom - y, y - (bottom + n_rows * cell), 0.0)
    if math.hypot(outside_x, outside_y) > limit:
        return 0
    own_column, own_row = math.floor((x - left) / cell), math.floor((y - bottom) / cell)
    reach = limit
    reach2 = reach * reach
    segments = np.empty(n_wanted, np.int64)
    first_ring = max(-own_column, own_column - n_columns + 1, -own_row, own_row - n_rows + 1, 0)
    last_ring = max(own_column, n_columns - 1 - own_column, own_row, n_rows - 1 - own_row)
    ring = first_ring
    while ring <= last_ring:
        # Distance to the nearest border of what the rings before have covered.
        if ring > 0:
            inner = (ring - 1) * cell + min(
                x - (left + own_column * cell),
                left + (own_column + 1) * cell - x,
                y - (bottom + own_row * cell),
                bottom + (own_row + 1) * cell - y,
            )
            if inner > reach:
                break
        for row in range(max(own_row - ring, 0), min(own_row + ring, n_rows - 1) + 1):
            is_whole = row == own_row - ring or row == own_row + ring
            step = 1 if is_whole or ring == 0 else 2 * ring
            for column in range(own_column - ring, own_column + ring + 1, step):
                if column < 0 or column >= n_columns:
                    continue
                place = row * n_columns + column
                for item in range(cell_start[place], cell_start[place + 1]):
                    x0, y0 = cell_ends[item, 0], cell_ends[item, 1]
                    dx, dy = cell_ends[item, 2] - x0, cell_ends[item, 3] - y0
                    px, py = x - x0, y - y0
                    dot = px * dx + py * dy
                    whole = dx * dx + dy * dy
                    if dot <= 0.0:
                        part = 0.0
                    elif dot >= whole:
                        part = 1.0
                        px, py = x - cell_ends[item, 2], y - cell_ends[item, 3]
                    else:
                        part = dot / whole
                        px, py = px - part * dx, py - part * dy
                    d2 = px * px + py * py
                    if d2 > reach2:
                        continue
                    segment = cell_segment[item]
                    owner = segment_edge[segment]
                    if bearing == bearing and not fits_bearing(
                        bearing, bearing_tolerance, dx, dy, edge_arc[owner, 0] >= 0, edge_arc[owner, 1] >= 0
                    ):
                        continue
                    # Its place among the candidates; each edge is there once.
                    at = found
                    is_known = False
                    for k in range(found):
                        if edge[k] == owner:
                            at = k
                            is_known = True
                            break
                    if is_known:
                        if d2 > squared[at] or (d2 == squared[at] and segment >= segments[at]):
                            continue
                    elif found < n_wanted:
                        found += 1
                    else:
                        at = found - 1
                        if d2 > squared[at] or (d2 == squared[at] and owner > edge[at]):
                            continue
                    while at > 0 and (squared[at - 1] > d2 or (squared[at - 1] == d2 and edge[at - 1] > owner)):
                        edge[at], squared[at], along[at] = edge[at - 1], squared[at - 1], along[at - 1]
                        segments[at] = segments[at - 1]
                        at -= 1
                    edge[at], squared[at], segments[at] = owner, d2, segment
                    along[at] = segment_along[segment] + part * math.sqrt(whole)
                    if at == 0:
                        # The margin keeps a tie a tie when the root rounds.
                        reach = min(limit, math.sqrt(d2) + tolerance)
                        reach2 = reach * reach * (1.0 + 1e-15)
        ring += 1
    kept = 0
    while kept < found and squared[kept] <= reach2:
        kept += 1
    return kept


@kernel(
    types.void,
    F8_2, F8, f8, f8, f8,
    I4, F8_2, I4, F8, I4, F8, F8, I8_2,
    I8, i8, i8, I8_2_out, F8_2_out, F8_2_out,
)  # fmt: skip
def place(
    xy, bearing, limit, tolerance, bearing_tolerance,
    cell_start, cell_ends, cell_segment, frame, segment_edge, segment_along, edge_length, edge_arc,
    order, first, last, out_edge, out_fraction, out_distance,
):  # fmt: skip
    """Fill rows ``order[first:last]`` (none: the rows themselves) with the candidates of positions in metres.

    `bearing` may be empty.
    """
    n_wanted = out_edge.shape[1]
    edge = np.empty(n_wanted, np.int64)
    squared = np.empty(n_wanted)
    along = np.empty(n_wanted)
    for at in range(first, last):
        i = order[at] if len(order) else at
        found = candidates_of(
            xy[i, 0], xy[i, 1], bearing[i] if len(bearing) else np.nan,
            limit, tolerance, n_wanted, bearing_tolerance,
            cell_start, cell_ends, cell_segment, frame, segment_edge, segment_along, edge_arc,
            edge, squared, along,
        )  # fmt: skip
        for k in range(n_wanted):
            if k < found:
                length = edge_length[edge[k]]
                out_edge[i, k] = edge[k]
                out_distance[i, k] = math.sqrt(squared[k])
                out_fraction[i, k] = min(along[k] / length, 1.0) if length > 0.0 else 0.0
            else:
                out_edge[i, k] = -1
                out_distance[i, k] = np.nan
                out_fraction[i, k] = np.nan
