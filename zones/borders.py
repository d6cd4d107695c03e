"""How far points are from the border of the polygon each belongs to, in metres, for millions of points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from gis.threads import in_parts
from zones.compiled import kernels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

CHILDREN = 8
# Fewer are not worth a second thread.
POINTS_AT_ONCE = 5_000


@dataclass(frozen=True, eq=False, kw_only=True)
class Borders:
    """Border segments of polygons in a metric CRS, under a tree of boxes per polygon (`zones.kernels.measuring`).

    Attributes
    ----------
    segment
        Both ends, metres, ``(n_segments, 4)``, polygon by polygon.
    box, node
        Per node its bounds and its children, ``(n_nodes, 4)`` and ``(n_nodes, 3)``.
    root
        Per polygon its uppermost node; -1 for a polygon without a border.
    """

    segment: Floats
    box: Floats
    node: Ints
    root: Ints

    def distance(self, xy_m: Floats, polygon: npt.NDArray[Any]) -> Floats:
        """Return each position's distance to the border of its polygon.

        Parameters
        ----------
        xy_m
            Positions in the borders' CRS, ``(n, 2)``.
        polygon
            Number of the polygon, ``(n,)``; negative for none.

        Returns
        -------
        array
            Metres, ``(n,)``; NaN without a polygon and for positions that are not finite.
        """
        places = np.ascontiguousarray(xy_m, dtype=np.float64)
        numbers = np.ascontiguousarray(polygon, dtype=np.int32)
        found = np.empty(len(places))
        distances = kernels().measuring.distances
        in_parts(
            lambda first, last: distances(
                places, numbers, self.segment, self.box, self.node, self.root, first, last, found
            ),
            len(places),
            least=POINTS_AT_ONCE,
        )
        return found


def build_borders(polygons: npt.NDArray[Any], metric_srid: int) -> Borders:
    """Put the borders of polygons (EPSG:4326) into metres of `metric_srid` and under their trees."""
    parts, part_polygon = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    lonlat, vertex_ring = shapely.get_coordinates(rings, return_index=True)
    xy = to_metric(lonlat, metric_srid)
    start = np.flatnonzero(vertex_ring[1:] == vertex_ring[:-1])
    segment = np.hstack([xy[start], xy[start + 1]])
    owner = part_polygon[ring_part[vertex_ring[start]]]
    box = np.hstack([np.minimum(segment[:, :2], segment[:, 2:]), np.maximum(segment[:, :2], segment[:, 2:])])

    boxes, nodes = [np.empty((0, 4))], [np.empty((0, 3), np.int32)]
    n_nodes, first_item, is_leaf = 0, 0, 1
    while is_leaf or len(np.unique(owner)) < len(owner):
        within = np.arange(len(owner)) - np.searchsorted(owner, owner)
        firsts = np.flatnonzero(within % CHILDREN == 0)
        counts = np.diff(np.append(firsts, len(owner)))
        if len(firsts):
            lower, upper = np.minimum.reduceat(box[:, :2], firsts), np.maximum.reduceat(box[:, 2:], firsts)
            box = np.hstack([lower, upper])
        owner = owner[firsts]
        boxes.append(box[: len(firsts)])
        nodes.append(np.column_stack([first_item + firsts, counts, np.full(len(firsts), is_leaf)]).astype(np.int32))
        first_item, is_leaf = n_nodes, 0
        n_nodes += len(firsts)
    root = np.full(len(polygons), -1, np.int32)
    root[owner] = first_item + np.arange(len(owner))
    return Borders(
        segment=np.ascontiguousarray(segment),
        box=np.ascontiguousarray(np.vstack(boxes)),
        node=np.ascontiguousarray(np.vstack(nodes)),
        root=root,
    )


def to_metric(lonlat: Floats, metric_srid: int) -> Floats:
    """Project degrees ``(n, 2)``, EPSG:4326, to metres in `metric_srid`; infinite where there is no image."""
    found = np.empty((len(lonlat), 2))

    def run(first: int, last: int) -> None:
        x, y = _transformer(metric_srid).transform(lonlat[first:last, 0], lonlat[first:last, 1])
        found[first:last, 0], found[first:last, 1] = x, y

    in_parts(run, len(lonlat), least=POINTS_AT_ONCE)
    return found


@cache
def _transformer(metric_srid: int) -> Transformer:
    # Making one costs some milliseconds; pyproj keeps a context per thread inside it, so sharing is safe.
    return Transformer.from_crs(4326, metric_srid, always_xy=True)
