"""On which side of a line a point lies, exactly.

The sign of a 2 × 2 determinant in plain float64, accepted when it is larger than what rounding can have done to it, and
otherwise computed without any rounding (J. R. Shewchuk, "Adaptive precision floating-point arithmetic and fast robust
geometric predicates", 1997: error bound A of `orient2d`, and expansions). The bound and the expansions need coordinates
that are zero or at least 2⁻⁴⁰⁰, so that no product underflows; `zones.point_index` sees to that. Numba neither reorders
sums nor fuses a product with a sum unless told to, which nobody may do here.
"""

from __future__ import annotations

import numpy as np
from numba import types

from gis.kernel_kinds import f8, kernel, part_of_kernels

# (3 + 16 ε) ε, ε = 2⁻⁵³.
ERROR = 3.3306690738754716e-16
SPLITTER = 134217729.0  # 2²⁷ + 1


@part_of_kernels
def sum_of(a, b):
    """Return a + b as a rounded sum and what the rounding lost."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


@part_of_kernels
def product_of(a, b):
    """Return a · b as a rounded product and what the rounding lost (Dekker; no fused operation is needed)."""
    product = a * b
    wide = SPLITTER * a
    a_high = wide - (wide - a)
    a_low = a - a_high
    wide = SPLITTER * b
    b_high = wide - (wide - b)
    b_low = b - b_high
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


@part_of_kernels
def add_to(expansion, n, a):
    """Add a number to an expansion of `n` parts without rounding; return its new number of parts."""
    for i in range(n):
        a, expansion[i] = sum_of(a, expansion[i])
    expansion[n] = a
    return n + 1


@part_of_kernels
def exact_side(ax, ay, bx, by, cx, cy):
    """Return the sign of (a − c) × (b − c), by expansions."""
    acx, acx_tail = sum_of(ax, -cx)
    acy, acy_tail = sum_of(ay, -cy)
    bcx, bcx_tail = sum_of(bx, -cx)
    bcy, bcy_tail = sum_of(by, -cy)
    expansion = np.empty(16)
    n = 0
    for left, right, sign in (
        (acx_tail, bcy_tail, 1.0),
        (acy_tail, bcx_tail, -1.0),
        (acx_tail, bcy, 1.0),
        (acx, bcy_tail, 1.0),
        (acy_tail, bcx, -1.0),
        (acy, bcx_tail, -1.0),
        (acx, bcy, 1.0),
        (acy, bcx, -1.0),
    ):
        if left == 0.0 or right == 0.0:
            continue
        product, lost = product_of(sign * left, right)
        n = add_to(expansion, n, lost)
        n = add_to(expansion, n, product)
    # Parts do not overlap and grow: the last that is not zero decides.
    for i in range(n - 1, -1, -1):
        if expansion[i] != 0.0:
            return 1 if expansion[i] > 0.0 else -1
    return 0


@part_of_kernels
def side(ax, ay, bx, by, cx, cy):
    """Return 1 where a, b, c turn left, -1 where they turn right, 0 on one line: exactly."""
    left = (ax - cx) * (by - cy)
    right = (ay - cy) * (bx - cx)
    det = left - right
    bound = ERROR * (abs(left) + abs(right))
    if det > bound:
        return 1
    if -det > bound:
        return -1
    return exact_side(ax, ay, bx, by, cx, cy)


@part_of_kernels
def crosses(px, py, qx, qy, x0, y0, x1, y1):
    """Return whether p – q crosses an edge (1 or 0), -1 when p or q lie on the edge's line and it cannot be said.

    An end of the edge on the line through p and q counts as left of it, so that a ring is crossed at a vertex once or
    twice, as it should be.
    """
    if (side(px, py, qx, qy, x0, y0) >= 0) == (side(px, py, qx, qy, x1, y1) >= 0):
        return 0
    of_p, of_q = side(x0, y0, x1, y1, px, py), side(x0, y0, x1, y1, qx, qy)
    if of_p == 0 or of_q == 0:
        return -1
    return 1 if of_p != of_q else 0


@kernel(types.int64, f8, f8, f8, f8, f8, f8)
def side_of(ax, ay, bx, by, cx, cy):
    """Call `side` from Python."""
    return side(ax, ay, bx, by, cx, cy)


@kernel(types.int64, f8, f8, f8, f8, f8, f8)
def exact_side_of(ax, ay, bx, by, cx, cy):
    """Call `exact_side` from Python."""
    return exact_side(ax, ay, bx, by, cx, cy)
