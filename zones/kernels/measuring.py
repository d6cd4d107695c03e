"""How far a point is from the border of one polygon: exact search in a tree of boxes over its segments.

Segments lie polygon by polygon, along the rings, so neighbours in the list are neighbours on the ground and boxes over
runs of them are tight. `node`: first child, number of children, and 1 where the children are segments.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from gis.kernel_kinds import F8_2, I4, I4_2, F8_out, i8, kernel, part_of_kernels

# Deep enough for 8¹⁰ segments at 8 children a node.
STACK = 80


@part_of_kernels
def to_box(box, at, x, y):
    """Return the square of the distance to a box, 0 inside."""
    dx = max(box[at, 0] - x, x - box[at, 2], 0.0)
    dy = max(box[at, 1] - y, y - box[at, 3], 0.0)
    return dx * dx + dy * dy


@part_of_kernels
def to_segment(segment, at, x, y):
    """Return the square of the distance to a segment."""
    x0, y0 = segment[at, 0], segment[at, 1]
    dx, dy = segment[at, 2] - x0, segment[at, 3] - y0
    px, py = x - x0, y - y0
    along, whole = px * dx + py * dy, dx * dx + dy * dy
    if along <= 0.0:
        return px * px + py * py
    if along >= whole:
        px, py = x - segment[at, 2], y - segment[at, 3]
        return px * px + py * py
    across = px * dy - py * dx
    return across * across / whole


@kernel(types.void, F8_2, I4, F8_2, F8_2, I4_2, I4, i8, i8, F8_out)
def distances(xy, polygon, segment, box, node, root, first, last, out):
    """Fill ``out[first:last]`` with the distance of each position to the border of its polygon; NaN without either."""
    todo = np.empty(STACK, np.int32)
    away = np.empty(STACK)
    for i in range(first, last):
        out[i] = np.nan
        if polygon[i] < 0 or root[polygon[i]] < 0:
            continue
        x, y = xy[i, 0], xy[i, 1]
        if not (abs(x) < np.inf and abs(y) < np.inf):
            continue
        best = np.inf
        todo[0], away[0] = root[polygon[i]], 0.0
        n = 1
        while n:
            n -= 1
            if away[n] >= best:
                continue
            at = todo[n]
            begin, end = node[at, 0], node[at, 0] + node[at, 1]
            if node[at, 2]:
                for item in range(begin, end):
                    best = min(best, to_segment(segment, item, x, y))
                continue
            nearest = n
            for item in range(begin, end):
                squared = to_box(box, item, x, y)
                if squared < best:
                    todo[n], away[n] = item, squared
                    if squared < away[nearest]:
                        nearest = n
                    n += 1
            # The nearest child is looked into first, so that most others need no look.
            if n and nearest < n - 1:
                todo[nearest], todo[n - 1] = todo[n - 1], todo[nearest]
                away[nearest], away[n - 1] = away[n - 1], away[nearest]
        out[i] = math.sqrt(best)
