"""A road network for a demo city: drawn arterials, local streets that grow between them. Invented, and marked so.

Arterials, centres and the shape of local streets come from `roads.toml` of the city folder. Land between arterials is
divided by through streets into superblocks; each gets a bent grid of its own direction and spacing, dense where people
live. Every random choice takes the generator of the file's `seed`: the same network each time.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from data.local_streets import LocalPlan, dead_end_lanes, lanes_along, local_grids, through_streets
from data.road_noding import drop_stubs, ends, join_chains, main_component, merge_junctions, node_lines
from data.road_rules import direct, pick_restrictions
from gis.errors import DataError

if TYPE_CHECKING:
    from data.city import City

RANK = {"trunk": 1, "primary": 2, "secondary": 3, "tertiary": 4, "residential": 5, "service": 6}
WIDTH_M = {"trunk": 14.0, "primary": 12.0, "secondary": 9.0, "tertiary": 7.0, "residential": 5.0, "service": 2.5}

REACH_M = 150.0  # an arterial that ends this near to another one ends on it
SHORE_M = 30.0  # local streets keep this far from the water

EDGE_COLUMNS = ["edge_id", "from_node", "to_node", "road_class", "name", "direction"]
EDGE_COLUMNS += ["length_m", "speed_kph", "width_m", "is_bridge"]


@dataclass(frozen=True, kw_only=True)
class RoadPlan:
    """What `roads.toml` says, in metres of the city's metric CRS.

    `arterials` has the columns of `data.road_noding.ATTRIBUTES`; `centres` has `x`, `y`, `radius_m`, `weight`.
    """

    seed: int
    arterials: gpd.GeoDataFrame
    local: LocalPlan
    n_no_turn: int
    n_only_turn: int


def synthesise(city: City) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, pd.DataFrame]:
    """Return nodes, edges and turn restrictions of the synthetic network of a city.

    Parameters
    ----------
    city
        Its folder has `roads.toml` and `admin_areas.geojson`; `metric_srid` is used for all lengths but the last.

    Returns
    -------
    nodes
        `node_id`, `geometry` (points, EPSG:4326).
    edges
        `edge_id`, `from_node`, `to_node`, `road_class`, `name`, `direction` (both, forward, backward), `length_m`
        (geodesic), `speed_kph` (all missing: by class), `width_m`, `is_bridge`, `geometry` (EPSG:4326, 6 decimals).
    restrictions
        `road_restriction_id`, `from_edge`, `via_node`, `to_edge`, `kind` (no, only).

    Raises
    ------
    DataError
        An arterial leaves the land without being a bridge, or names an unknown junction or class.
    """
    return grow_roads(city.folder, metric_srid=city.metric_srid)


def grow_roads(folder: Path, *, metric_srid: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, pd.DataFrame]:
    """Return what `synthesise` returns, from a city folder."""
    areas = gpd.read_file(folder / "admin_areas.geojson").to_crs(metric_srid)
    kelurahan = areas[areas["level"] == "kelurahan"]
    land = kelurahan.geometry.union_all()
    plan = read_plan(folder / "roads.toml", metric_srid=metric_srid)
    check_arterials(plan.arterials, land)
    rng = np.random.default_rng(plan.seed)
    inland = land.buffer(-SHORE_M)
    blocks, through = through_streets(plan.arterials.geometry, land, plan.local, rng)
    grids = local_grids(blocks, plan.local, rng)
    lanes = lanes_along(plan.arterials[~plan.arterials["is_bridge"]].geometry, plan.local, rng)
    drawn = pd.concat([frame.set_crs(metric_srid) for frame in (through, grids, lanes)], ignore_index=True)
    drawn["geometry"] = shapely.intersection(drawn.geometry.to_numpy(), inland)
    drawn = drawn.explode(ignore_index=True)
    drawn = drawn[(drawn.geom_type == "LineString") & (drawn.length > 15.0)]
    local = name_streets(drawn, kelurahan)
    edges = drop_stubs(node_lines(pd.concat([plan.arterials, local], ignore_index=True)))
    edges = main_component(merge_junctions(thin_out(edges, plan.local)))
    edges = join_chains(main_component(drop_stubs(edges, length_m=14.0)))
    edges = add_lanes(edges, dead_end_lanes(edges, inland, plan.local, rng), rng)
    nodes, edges = number(edges, plan.local, rng)
    turns = pick_restrictions(edges, n_no=plan.n_no_turn, n_only=plan.n_only_turn, rng=rng)
    return *to_lonlat(nodes, edges), turns


def read_plan(path: Path, *, metric_srid: int) -> RoadPlan:
    """Read `roads.toml`; arterials become smooth lines in the metric CRS that end on each other."""
    with path.open("rb") as file:
        raw = tomllib.load(file)
    to_metric = pyproj.Transformer.from_crs(4326, metric_srid, always_xy=True)
    rows = [arterial_row(entry, raw["junctions"], to_metric) for entry in raw["arterial"]]
    arterials = gpd.GeoDataFrame(rows, geometry="geometry", crs=metric_srid)
    arterials["geometry"] = reach_each_other(arterials.geometry.to_numpy())
    x, y = to_metric.transform(*np.array([centre["at"] for centre in raw["centre"]]).T)
    centres = pd.DataFrame(raw["centre"])[["radius_m", "weight"]].assign(x=x, y=y)
    local = LocalPlan.from_toml(raw["local"], centres, seed=raw["seed"])
    return RoadPlan(
        seed=raw["seed"],
        arterials=arterials,
        local=local,
        n_no_turn=raw["local"]["n_no_turn"],
        n_only_turn=raw["local"]["n_only_turn"],
    )


def arterial_row(
    entry: dict[str, Any], junctions: dict[str, list[float]], to_metric: pyproj.Transformer
) -> dict[str, Any]:
    """Return one arterial as a row with the columns of `ATTRIBUTES` and a smooth line."""
    unknown = [place for place in entry["path"] if isinstance(place, str) and place not in junctions]
    if unknown or entry["class"] not in RANK:
        raise DataError(f"roads.toml: {entry['name']}: unknown junction {unknown} or class {entry['class']!r}")
    lonlat = np.array([junctions[place] if isinstance(place, str) else place for place in entry["path"]])
    xy = np.column_stack(to_metric.transform(lonlat[:, 0], lonlat[:, 1]))
    return {
        "road_class": entry["class"],
        "rank": RANK[entry["class"]],
        "name": entry["name"],
        "width_m": entry.get("width_m", WIDTH_M[entry["class"]]),
        "is_bridge": entry.get("is_bridge", False),
        "is_one_way": entry.get("is_one_way", False),
        "is_grid": False,
        "geometry": shapely.LineString(xy if entry.get("is_straight") or len(xy) < 3 else smooth(xy)),
    }


def smooth(xy: np.ndarray, *, step_m: float = 45.0) -> np.ndarray:
    """Return a curve through the points `(n, 2)`, sampled about every `step_m` (Catmull-Rom spline).

    The points themselves are on the curve, so that streets which name the same junction still meet there.
    """
    before = np.vstack([2 * xy[0] - xy[1], xy[:-1]])
    after = np.vstack([xy[1:], 2 * xy[-1] - xy[-2]])
    tangent = (after - before) / 2
    curve = [xy[:1]]
    for index in range(len(xy) - 1):
        length = float(np.hypot(*(xy[index + 1] - xy[index])))
        t = np.linspace(0, 1, max(2, round(length / step_m)) + 1)[1:, None]
        # Long neighbours would make short spans loop; a tangent is never longer than its span.
        m0, m1 = (limited(tangent[k], length) for k in (index, index + 1))
        curve.append(
            (2 * t**3 - 3 * t**2 + 1) * xy[index]
            + (t**3 - 2 * t**2 + t) * m0
            + (3 * t**2 - 2 * t**3) * xy[index + 1]
            + (t**3 - t**2) * m1
        )
    return np.vstack(curve)


def limited(vector: np.ndarray, length: float) -> np.ndarray:
    """Return the vector, shortened to `length` where it is longer."""
    return vector * min(1.0, length / max(float(np.hypot(*vector)), 1e-9))


def reach_each_other(lines: np.ndarray) -> list[shapely.LineString]:
    """Move ends that lie near another arterial onto it (and a metre beyond, so that the two cross)."""
    tree = shapely.STRtree(lines)
    result = []
    for index, line in enumerate(lines):
        xy = shapely.get_coordinates(line)
        for at, inner in ((0, 1), (-1, -2)):
            tip = shapely.Point(xy[at])
            others = [other for other in tree.query(tip, "dwithin", REACH_M).tolist() if other != index]
            gaps = shapely.distance(lines[others], tip) if others else np.array([])
            if len(others) and gaps.min() > 0.01:
                other = lines[others[int(gaps.argmin())]]
                target = np.array(other.interpolate(other.project(tip)).coords[0])
                way = target - xy[inner]
                xy[at] = target + way / np.hypot(*way)
        result.append(shapely.LineString(xy))
    return result


def check_arterials(arterials: gpd.GeoDataFrame, land: BaseGeometry) -> None:
    """Refuse arterials that leave the land without being bridges; names every one with the metres outside."""
    dry = arterials[~arterials["is_bridge"]]
    outside = dry.geometry.difference(land).length
    wet = dry[outside > 1.0]
    if len(wet):
        found = ", ".join(f"{row.name} ({outside[row.Index]:.0f} m)" for row in wet.itertuples())
        raise DataError(f"roads.toml: outside the land: {found}; move their points or mark them is_bridge")


def name_streets(streets: gpd.GeoDataFrame, kelurahan: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give local streets a rank, a width and a name by their kelurahan: "Jl. Bende 7"; short ones "Lorong 12"."""
    middle = shapely.line_interpolate_point(streets.geometry.to_numpy(), 0.5, normalized=True)
    home = kelurahan["name"].to_numpy()[shapely.STRtree(kelurahan.geometry.to_numpy()).nearest(middle)]
    is_lane = streets.length.to_numpy() < 130.0
    number = pd.DataFrame({"home": home, "lane": is_lane}).groupby(["home", "lane"]).cumcount().to_numpy() + 1
    names = [f"Lorong {n}" if lane else f"Jl. {at} {n}" for at, lane, n in zip(home, is_lane, number, strict=True)]
    return streets.assign(
        name=names,
        rank=streets["road_class"].map(RANK),
        width_m=streets["road_class"].map(WIDTH_M),
        is_bridge=False,
        is_one_way=False,
    )


def thin_out(edges: gpd.GeoDataFrame, plan: LocalPlan) -> gpd.GeoDataFrame:
    """Drop grid streets where hardly anybody lives, with an uneven edge."""
    middle = shapely.get_coordinates(shapely.line_interpolate_point(edges.geometry.to_numpy(), 0.5, normalized=True))
    is_lived_in = plan.density(middle) + 0.16 * plan.noise(middle) >= plan.density_min
    return edges[is_lived_in | ~edges["is_grid"].to_numpy(dtype=bool)].reset_index(drop=True)


def add_lanes(edges: gpd.GeoDataFrame, lanes: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return the edges with the lanes of `dead_end_lanes`; an edge is cut where its lane begins."""
    parts = [edges.drop(index=edges.index[lanes["edge"]])]
    cut = edges.iloc[lanes["edge"]].reset_index(drop=True)
    heads, tails = [], []
    for line, lane, at in zip(cut.geometry, lanes.geometry, lanes["at"], strict=True):
        head, tail = (shapely.get_coordinates(substring(line, *span, normalized=True)) for span in ((0, at), (at, 1)))
        head[-1] = tail[0] = lane.coords[0]
        heads.append(shapely.LineString(head))
        tails.append(shapely.LineString(tail))
    parts += [cut.set_geometry(gpd.GeoSeries(half, crs=edges.crs)) for half in (heads, tails)]
    number = rng.integers(1, 40, len(lanes))
    own = {"road_class": "service", "rank": RANK["service"], "name": [f"Lorong {n}" for n in number]}
    widths = rng.choice([1.8, 2.2, 2.5, 3.0], len(lanes))
    rest = {"width_m": widths, "is_bridge": False, "is_one_way": False, "is_grid": True, "street": -1}
    parts.append(gpd.GeoDataFrame({**own, **rest}, geometry=lanes.geometry.to_numpy(), crs=edges.crs))
    return pd.concat(parts, ignore_index=True)


def number(
    edges: gpd.GeoDataFrame, plan: LocalPlan, rng: np.random.Generator
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return nodes and edges with ids, directions and widths, still in the metric CRS; ids go from south-west on."""
    start, end, xy = ends(edges)
    hung = gpd.GeoSeries(hang(edges.geometry.to_numpy(), xy[start], xy[end]), index=edges.index, crs=edges.crs)
    edges = edges.assign(from_node=start, to_node=end).set_geometry(hung)
    edges = edges.sort_values(["from_node", "to_node", "street"], kind="stable", ignore_index=True)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(edges.geometry.to_numpy(), 0.5, normalized=True))
    narrow = (edges["rank"] == RANK["residential"]).to_numpy() & (plan.density(middle) > 0.8)
    drawn = rng.random(len(edges))
    wish = np.where(narrow & (drawn < plan.one_way_share), np.where(drawn * 1e4 % 2 < 1, "forward", "backward"), "both")
    wish = np.where(edges["is_one_way"].to_numpy(dtype=bool), "forward", wish).astype(object)
    spread = np.where(
        edges["rank"].to_numpy() == RANK["residential"], rng.choice([-1.5, -0.5, 0.0, 1.0], len(edges)), 0
    )
    edges = edges.assign(direction=direct(edges, wish), width_m=(edges["width_m"] + spread).astype(float))
    edges["from_node"] += 1
    edges["to_node"] += 1
    edges.insert(0, "edge_id", np.arange(1, len(edges) + 1))
    nodes = gpd.GeoDataFrame({"node_id": np.arange(1, len(xy) + 1)}, geometry=shapely.points(xy), crs=edges.crs)
    return nodes, edges


def hang(lines: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the lines with their ends exactly at the coordinates `(n, 2)` of their nodes."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    first = np.flatnonzero(np.diff(line, prepend=-1))
    xy[first], xy[np.append(first[1:], len(line)) - 1] = start, end
    return shapely.linestrings(xy, indices=line)


def to_lonlat(nodes: gpd.GeoDataFrame, edges: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return nodes and edges in EPSG:4326 (6 decimals) with geodesic lengths and the columns of the road tables."""
    nodes = rounded(nodes.to_crs(4326))
    edges = rounded(edges.to_crs(4326))
    geod = pyproj.Geod(ellps="WGS84")
    lengths = [geod.geometry_length(line) for line in edges.geometry]
    edges = edges.assign(length_m=np.round(lengths, 2), speed_kph=np.nan, is_bridge=edges["is_bridge"].astype(bool))
    return nodes, edges[[*EDGE_COLUMNS, "geometry"]]


def rounded(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the frame with coordinates of 6 decimals, about 0.1 m."""
    return frame.set_geometry(shapely.transform(frame.geometry.array, lambda xy: np.round(xy, 6)))
