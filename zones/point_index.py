"""Who covers a point, for millions of points: an index over the boundaries of one service, built once per boundary set.

The rule is that of `zones.matching` for exact points: of the polygons that cover the point (borders and vertices belong
to them), the lowest priority, then code, then agency wins. How it is exact, and what it costs: docs/matching.md.

An index is a handful of arrays. It pickles, it is saved to a folder and mapped from there by any number of processes,
and `PointIndex.match` is a pure function of index and coordinates: any engine may call it on partitions, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from gis.errors import ColumnError, CRSError, TopologyError
from gis.threads import in_parts
from zones.compiled import kernels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Geometries = npt.NDArray[Any]

NEEDED = ("code", "agency", "priority")
# Nearer to zero, a coordinate counts as zero: exact products need room below them (`zones.kernels.sides`).
TINY = 2.0**-400
LARGEST = np.iinfo(np.int32).max
# Fewer are not worth a second thread.
POINTS_AT_ONCE = 20_000
BLOCKS_AT_ONCE = 200

# Squares of the coarse grid: a few per edge, within what a processor's cache holds.
SQUARES_PER_EDGE = 8
MOST_SQUARES = 1 << 18
FEWEST_SQUARES = 64
# Cells of a square that edges come near, per side: a power of two that grows with its edges.
FEWEST_CELLS, MOST_CELLS = 8, 256
MOST_FINE = 1 << 22
SIDE_BITS = 16
# A cell is at least this many units in the last place of a coordinate, so that its reference point lies inside it.
LEAST_ULPS = 2.0**22
# A reference point on an edge asks for other places; that takes an edge made for it.
MOST_TRIES = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class PointIndex:
    """The index over the boundaries of one service.

    Attributes
    ----------
    edge_xy
        Each border edge once, ``(n_edges, 4)``: both ends, EPSG:4326 degrees.
    frame
        The coarse grid, as `zones.kernels.covering` describes it.
    top
        Per square, ``(n_squares + 1,)``: a rank, -1 for nobody, or -2 minus a block; the last is the world outside.
    block, fine
        Where a block's cells begin in `fine` and how many it has per side; per cell a rank, -1, or -2 minus a record.
    record
        What decides a border cell, as `zones.kernels.dividing` describes it.
    rows
        Row of the given jurisdictions, by rank, ``(n_jurisdictions + 1,)``; the last, -1, is for nobody.
    codes, agencies, priorities
        Of the given jurisdictions, in their order.
    """

    edge_xy: Floats
    frame: Floats
    top: Ints
    block: Longs
    fine: Ints
    record: Ints
    rows: Ints
    codes: tuple[str, ...]
    agencies: tuple[str, ...]
    priorities: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays."""
        return sum(array.nbytes for array in vars(self).values() if isinstance(array, np.ndarray))

    def match(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Ints:
        """Find the jurisdiction that covers each point.

        Parameters
        ----------
        lon, lat
            EPSG:4326 degrees, ``(n,)``; what is not finite lies nowhere.

        Returns
        -------
        array
            ``(n,)``, row of the jurisdictions the index was built from; -1 outside every polygon.
        """
        x, y = (np.ascontiguousarray(axis, dtype=np.float64) for axis in (lon, lat))
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"lon {x.shape} and lat {y.shape}: two arrays of one length expected")
        found = np.empty(len(x), dtype=np.int32)
        locate = kernels().locating.locate

        def run(first: int, last: int) -> None:
            locate(
                *(x, y, self.edge_xy, self.frame, self.top, self.block, self.fine, self.record, self.rows),
                *(first, last, found),
            )

        in_parts(run, len(x), least=POINTS_AT_ONCE)
        return found


def build_index(jurisdictions: gpd.GeoDataFrame) -> PointIndex:
    """Build the index over the boundaries of one service.

    Parameters
    ----------
    jurisdictions
        Valid polygons, EPSG:4326, columns `code`, `agency` (str), `priority` (int, 1 wins), in any order. They may
        overlap; a missing or empty polygon covers nothing.

    Raises
    ------
    CRSError
        The frame is not in EPSG:4326.
    ColumnError
        A column is missing.
    TopologyError
        A geometry is invalid or no polygon.
    """
    if jurisdictions.crs is None or jurisdictions.crs.to_epsg() != 4326:
        raise CRSError(f"jurisdictions: {jurisdictions.crs or 'no CRS'}, expected EPSG:4326; call to_crs(4326)")
    missing = [column for column in NEEDED if column not in jurisdictions]
    if missing:
        raise ColumnError(f"jurisdictions: column {', '.join(missing)} missing")
    codes, agencies = (tuple(str(item) for item in jurisdictions[name]) for name in ("code", "agency"))
    priorities = tuple(int(item) for item in jurisdictions["priority"])
    rows = sorted(range(len(codes)), key=lambda row: (priorities[row], codes[row], agencies[row]))
    polygons = jurisdictions.geometry.to_numpy()
    _require_polygons(polygons, codes)
    return PointIndex(
        **_arrays(polygons[rows]),
        rows=np.array([*rows, -1], dtype=np.int32),
        codes=codes,
        agencies=agencies,
        priorities=priorities,
    )


def _require_polygons(polygons: Geometries, codes: tuple[str, ...]) -> None:
    there = ~(shapely.is_missing(polygons) | shapely.is_empty(polygons))
    kinds = shapely.get_type_id(polygons)
    is_polygon = (kinds == shapely.GeometryType.POLYGON) | (kinds == shapely.GeometryType.MULTIPOLYGON)
    wrong = np.flatnonzero(there & ~(is_polygon & shapely.is_valid(polygons)))
    if len(wrong):
        reason = shapely.is_valid_reason(polygons[wrong[0]]) if is_polygon[wrong[0]] else "not a polygon"
        raise TopologyError(
            f"{len(wrong)} of {len(polygons)} boundaries cannot be matched; {codes[wrong[0]]}: {reason}; "
            "repair them before they are put in force"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Edges:
    """Border edges, each once, and whose they are: `user` by edge, `polygon_edge` by polygon (ranks)."""

    xy: Floats
    user_start: Ints
    user: Ints
    polygon_start: Ints
    polygon_edge: Ints


def _edges_of(polygons: Geometries) -> _Edges:
    parts, part_polygon = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, vertex_ring = shapely.get_coordinates(rings, return_index=True)
    xy[np.abs(xy) < TINY] = 0.0
    start = np.flatnonzero(vertex_ring[1:] == vertex_ring[:-1])
    ends = np.hstack([xy[start], xy[start + 1]])
    polygon = part_polygon[ring_part[vertex_ring[start]]]
    # One direction, so that neighbours share an edge; what has no length bounds nothing.
    is_turned = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[is_turned] = ends[is_turned][:, [2, 3, 0, 1]]
    is_long = (ends[:, :2] != ends[:, 2:]).any(axis=1)
    ends, polygon = ends[is_long], polygon[is_long]
    first, number = _once(ends)
    by_edge, by_polygon = np.lexsort((polygon, number)), np.lexsort((number, polygon))
    return _Edges(
        xy=np.ascontiguousarray(ends[first]),
        user_start=_starts(number, len(first)),
        user=polygon[by_edge].astype(np.int32),
        polygon_start=_starts(polygon, len(polygons)),
        polygon_edge=number[by_polygon].astype(np.int32),
    )


def _once(rows: Floats) -> tuple[Longs, Longs]:
    """Return one place of each distinct row, in order of first appearance, and every row's number among them."""
    if not len(rows):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    # By a hash of the bits: rows that share one without being equal are taken as different, which only costs room.
    bits = np.ascontiguousarray(rows).view(np.uint64)
    mixed = np.zeros(len(rows), np.uint64)
    for column in range(bits.shape[1]):
        mixed = (mixed ^ bits[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
    representative = np.empty(len(rows), np.int64)
    representative[order] = order[np.maximum.accumulate(np.where(is_new, np.arange(len(rows)), 0))]
    first = np.flatnonzero(representative == np.arange(len(rows)))
    number = np.empty(len(rows), np.int64)
    number[first] = np.arange(len(first))
    return first, number[representative]


def _starts(owner: npt.NDArray[Any], count: int) -> Ints:
    starts = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.bincount(owner, minlength=count), out=starts[1:])
    return starts


def _arrays(polygons: Geometries) -> dict[str, Any]:
    edges = _edges_of(polygons)
    for attempt in range(MOST_TRIES):
        found = _try(edges, _frame(edges, np.random.default_rng(attempt)))
        if found is not None:
            return found
    raise TopologyError("an edge runs through every point tried for reference; move the boundary by a millimetre")


def _frame(edges: _Edges, places: np.random.Generator) -> Floats:
    """Lay the coarse grid over the edges, a little wider than they are."""
    if not len(edges.xy):
        return np.array([0.0, 0.0, 1.0, 0.0, 0.0, *places.uniform(0.3, 0.7, 4), 1.0])
    west, south = edges.xy[:, 0].min(), edges.xy[:, [1, 3]].min()
    width, height = edges.xy[:, 2].max() - west, edges.xy[:, [1, 3]].max() - south
    wanted = min(MOST_SQUARES, max(FEWEST_SQUARES, SQUARES_PER_EDGE * len(edges.xy)))
    # Squares, and at least as long as a row of `wanted` where the boundaries are a thin strip.
    side = max((width * height / wanted) ** 0.5, max(width, height) / wanted, _least_cell(edges))
    n_columns, n_rows = int(width / side) + 1, int(height / side) + 1
    margin_x, margin_y = (n_columns * side - width) / 2, (n_rows * side - height) / 2
    # Points on the outermost border must not fall off by rounding.
    if min(margin_x, margin_y) < 0.01 * side:
        n_columns, n_rows = n_columns + 1, n_rows + 1
        margin_x, margin_y = margin_x + side / 2, margin_y + side / 2
    return np.array(
        [west - margin_x, south - margin_y, side, n_columns, n_rows, *places.uniform(0.3, 0.7, 4), 1.0 / side]
    )


def _least_cell(edges: _Edges) -> float:
    return float(LEAST_ULPS * np.spacing(np.abs(edges.xy).max()))


def _try(edges: _Edges, frame: Floats) -> dict[str, Any] | None:
    """Build the arrays; `None` when a reference point lies on an edge."""
    covering, dividing = kernels().covering, kernels().dividing
    n_squares = int(frame[3]) * int(frame[4])
    n_polygons = len(edges.polygon_start) - 1

    near_start, nothing = np.zeros(n_squares + 1, np.int32), np.empty(0, np.int32)
    near = np.empty(covering.near_edges(edges.xy, frame, near_start, nothing, True), np.int32)
    np.cumsum(near_start, out=near_start)
    covering.near_edges(edges.xy, frame, near_start[:-1].copy(), near, False)

    squares = np.flatnonzero(np.diff(near_start)).astype(np.int32)
    block_start = np.zeros(len(squares) + 1, np.int32)
    users = (near_start, near, edges.user_start, edges.user)
    block_polygon = np.empty(covering.polygons_of_blocks(squares, *users, block_start, nothing, n_polygons), np.int32)
    covering.polygons_of_blocks(squares, *users, block_start, block_polygon, n_polygons)

    top = np.full(n_squares, n_polygons, np.int32)
    top[squares] = -2 - np.arange(len(squares), dtype=np.int32)
    state, base = np.zeros(len(block_polygon), np.int8), np.full(len(squares), LARGEST, np.int32)
    by_polygon = (edges.polygon_start, edges.polygon_edge)
    if covering.cover(edges.xy, frame, *by_polygon, block_start, block_polygon, top, state, base) < 0:
        return None
    top[top == n_polygons] = -1

    block, n_fine = _blocks(np.diff(near_start)[squares], frame, _least_cell(edges) if len(edges.xy) else 1.0)
    fine, record_start = np.empty(n_fine, np.int32), np.zeros(len(squares), np.int64)
    given = (edges.xy, frame, *users, squares, block, block_start, block_polygon, state, base)

    def divide(is_counting: bool, record: Ints) -> None:
        in_parts(
            lambda first, last: dividing.divide(*given, first, last, is_counting, record_start, fine, record),
            len(squares),
            least=BLOCKS_AT_ONCE,
        )

    divide(True, nothing)
    if (record_start < 0).any():
        return None
    n_words = int(record_start.sum())
    if n_words >= LARGEST:
        raise TopologyError(f"boundaries too dense: {n_words} words of records; split the layer")
    record_start = np.concatenate([[0], np.cumsum(record_start)])[:-1].astype(np.int64)
    record = np.empty(n_words, np.int32)
    divide(False, record)
    top = np.append(top, np.int32(-1))
    return {"edge_xy": edges.xy, "frame": frame, "top": top, "block": block, "fine": fine, "record": record}


def _blocks(n_near: npt.NDArray[Any], frame: Floats, least_cell: float) -> tuple[Longs, int]:
    """Choose the cells of each block by the edges near it; return them packed, and how many cells there are."""
    most = MOST_CELLS
    while most > 1 and frame[2] / most < least_cell:
        most //= 2
    wanted = 2 ** np.ceil(np.log2(np.maximum(n_near, 1))).astype(np.int64)
    n_side = np.clip(wanted * 2, min(FEWEST_CELLS, most), most)
    while (n_side**2).sum() > MOST_FINE and n_side.max() > 1:
        n_side = np.maximum(n_side // 2, 1)
    starts = np.concatenate([[0], np.cumsum(n_side**2)])
    return (starts[:-1] << SIDE_BITS) | n_side, int(starts[-1])
