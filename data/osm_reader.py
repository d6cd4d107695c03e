"""An OpenStreetMap extract as arrays: streets with what their tags say, nodes with positions, turn restrictions.

One pass over the file: node positions are kept in C++ until the streets that need them are known.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data import osm_nodes
from data.osm_nodes import Point, read_point
from data.osm_restrictions import Restriction, read_restriction
from data.osm_tags import LeftOut, Way, is_relevant, read_way
from gis.errors import DataError, Finding

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# What pyosmium tells apart by the ending of the name.
ENDINGS = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2", ".xml")
HINT = "give a .osm.pbf extract, such as those of a download server for OpenStreetMap; is the copy complete?"
# In a file, positions are whole numbers of this part of a degree.
PER_DEGREE = 1e7
# Of tags that were not understood, so many places are kept for each kind.
PLACES_PER_DOUBT = 50


@dataclass(frozen=True, eq=False, kw_only=True)
class Extract:
    """Streets of a file.

    Attributes
    ----------
    way_id, way_kind
        ``(n_ways,)``: OSM id, and index into `kinds`; by id.
    names, refs
        Texts of the ways, None where there is none.
    node, start
        Node references of all ways one after the other, as indices into `node_id`; way *i* owns
        ``start[i]:start[i+1]``.
    node_id, lonlat
        Every node a street refers to, by id; NaN where the file has no position for it.
    points
        Index of a node → what it does to traffic, where it does anything.
    restrictions
        Turn restrictions that were understood.
    left_out, dropped
        Ways that are no street for any vehicle, and restrictions that were not read, by reason.
    findings
        Tags that were not understood.
    box
        What the file says it covers (west, south, east, north), if it does.
    n_ways_read
        Ways with a `highway` or `route`.
    """

    way_id: Ints
    way_kind: Ints
    kinds: tuple[Way, ...]
    names: npt.NDArray[np.object_]
    refs: npt.NDArray[np.object_]
    node: Ints
    start: Ints
    node_id: Ints
    lonlat: Floats
    points: dict[int, Point]
    restrictions: tuple[Restriction, ...]
    left_out: Counter[str]
    dropped: Counter[str]
    findings: tuple[Finding, ...]
    box: tuple[float, float, float, float] | None
    n_ways_read: int


def read_extract(path: Path, *, with_ferries: bool = False) -> Extract:
    """Read the streets of a file.

    Parameters
    ----------
    path
        `.osm.pbf`, or another format by its ending (`ENDINGS`).
    with_ferries
        Take car ferries for streets.

    Raises
    ------
    DataError
        The file is missing, cut short, damaged or of another kind, or has no streets.
    """
    check_file(path)
    collector = _Collector(with_ferries)
    with refused(path):
        collector.read(path)
    if not collector.way_ids:
        seen = f"{collector.n_ways_read} ways, none of them a street" if collector.n_ways_read else "no ways"
        raise DataError(f"{path.name}: {seen}; nothing was written. {HINT}")
    with refused(path):
        return collector.extract()


def check_file(path: Path) -> None:
    """Refuse what cannot be an extract before a reader looks at it."""
    if not path.is_file():
        raise DataError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}; {HINT}")
    if not path.name.lower().endswith(ENDINGS):
        raise DataError(f"{path.name}: unknown kind of file; known endings are {', '.join(ENDINGS)}")
    if ".osh" in path.name.lower():
        raise DataError(
            f"{path.name}: a history file, with streets that are gone; take the extract of one day (.osm.pbf)"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path.name}: the file is empty; {HINT}")


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn what the reader says about a damaged file into a refusal."""
    import osmium

    try:
        yield
    except (RuntimeError, osmium.InvalidLocationError, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}: cannot be read as OpenStreetMap data ({error}); {HINT}") from error


class _Collector:
    """What is gathered while the file passes by."""

    def __init__(self, with_ferries: bool) -> None:
        self.with_ferries = with_ferries
        self.way_ids, self.way_kinds, self.refs, self.lengths = array("q"), array("q"), array("q"), array("q")
        self.names: list[str | None] = []
        self.way_refs: list[str | None] = []
        self.kinds: list[Way] = []
        self.known: dict[tuple[tuple[str, str], ...], int | LeftOut] = {}
        self.doubtful: dict[tuple[tuple[str, str], ...], list[int]] = {}
        self.n_doubtful: Counter[tuple[tuple[str, str], ...]] = Counter()
        self.points: dict[int, Point] = {}
        self.restrictions: list[Restriction] = []
        self.left_out: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.n_ways_read = 0
        self.box: tuple[float, float, float, float] | None = None
        self.places: Any = None

    def read(self, path: Path) -> None:
        """Let the file pass by."""
        import osmium

        keys = osmium.filter.KeyFilter("route", "type", *osm_nodes.KEYS)
        # Sorted array in memory: sixteen bytes a node of the file, whatever its ids.
        processor = osmium.FileProcessor(str(path)).with_locations("sparse_mem_array").with_filter(keys)
        box = processor.header.box()
        if box is not None and box.valid():
            low, high = box.bottom_left, box.top_right
            self.box = (low.lon, low.lat, high.lon, high.lat)
        for item in processor:
            if item.is_way():
                self.add_way(item)
            elif item.is_node():
                point = read_point(dict(item.tags))
                if not point.is_plain:
                    self.points[item.id] = point
            elif item.tags.get("type") == "restriction":
                self.add_restriction(item)
        self.places = processor.node_location_storage

    def add_way(self, way: Any) -> None:
        """Keep a way if somebody may drive it."""
        self.n_ways_read += 1
        name = ref = None
        tags = []
        for key, value in way.tags:
            if key == "name":
                name = value
            elif key == "ref":
                ref = value
            elif is_relevant(key):
                tags.append((key, value))
        combination = tuple(tags)
        kind = self.known.get(combination)
        if kind is None:
            read = read_way(dict(combination), with_ferries=self.with_ferries)
            if isinstance(read, Way):
                self.kinds.append(read)
            kind = self.known[combination] = read if isinstance(read, LeftOut) else len(self.kinds) - 1
        read_as = kind if isinstance(kind, LeftOut) else self.kinds[kind]
        if read_as.doubts:
            self.n_doubtful[combination] += 1
            self.doubtful.setdefault(combination, [])
            if len(self.doubtful[combination]) < PLACES_PER_DOUBT:
                self.doubtful[combination].append(way.id)
        if isinstance(kind, LeftOut):
            self.left_out[kind.reason] += 1
            return
        nodes = [node.ref for node in way.nodes]
        self.way_ids.append(way.id)
        self.way_kinds.append(kind)
        self.names.append(_text(name))
        self.way_refs.append(_text(ref))
        self.refs.extend(nodes)
        self.lengths.append(len(nodes))

    def add_restriction(self, relation: Any) -> None:
        """Keep a restriction, or count why not."""
        members = [(member.type, member.ref, member.role) for member in relation.members]
        read = read_restriction(relation.id, dict(relation.tags), members)
        if isinstance(read, str):
            self.dropped[read] += 1
        else:
            self.restrictions.append(read)

    def extract(self) -> Extract:
        """Put positions to the nodes and everything into arrays, ways by id; of a way given twice the last counts."""
        ids = np.frombuffer(self.way_ids, np.int64)
        lengths = np.frombuffer(self.lengths, np.int64)
        refs = np.frombuffer(self.refs, np.int64) if len(self.refs) else np.empty(0, np.int64)
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        before = np.cumsum(lengths) - lengths
        size = lengths[last]
        picked = np.repeat(before[last] - (np.cumsum(size) - size), size) + np.arange(int(size.sum()))
        node_id, node = np.unique(refs[picked], return_inverse=True)
        names, way_refs = (np.array(texts, dtype=object)[last] for texts in (self.names, self.way_refs))
        index = {n: i for i, n in enumerate(node_id.tolist()) if n in self.points}
        start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        lonlat = self.positions(node_id)
        first = np.full((len(last), 2), np.nan)
        first[size > 0] = lonlat[node.ravel()[start[:-1][size > 0]]]
        return Extract(
            way_id=ids[last],
            way_kind=np.frombuffer(self.way_kinds, np.int64)[last],
            kinds=tuple(self.kinds),
            names=names,
            refs=way_refs,
            node=node.ravel().astype(np.int64),
            start=start,
            node_id=node_id,
            lonlat=lonlat,
            points={index[n]: self.points[n] for n in index},
            restrictions=tuple(self.restrictions),
            left_out=self.left_out,
            dropped=self.dropped,
            findings=tuple(self.findings(ids[last], first)),
            box=self.box,
            n_ways_read=self.n_ways_read,
        )

    def positions(self, node_id: Ints) -> Floats:
        """Return EPSG:4326 degrees ``(n, 2)``; NaN where the file has none."""
        lonlat = np.full((len(node_id), 2), np.nan)
        get = self.places.get
        for i, n in enumerate(node_id.tolist()):
            try:
                place = get(n)
            except KeyError:
                continue
            if place.valid():
                lonlat[i] = place.x, place.y
        return lonlat / PER_DEGREE

    def findings(self, way_id: Ints, first: Floats) -> Iterator[Finding]:
        """Yield what was not understood, a few places of each; `first` is where each kept way begins."""
        for combination, ways in self.doubtful.items():
            known = self.known[combination]
            doubts = known.doubts if isinstance(known, LeftOut) else self.kinds[known].doubts
            more = self.n_doubtful[combination] - len(ways)
            for way in ways:
                at = int(np.searchsorted(way_id, way))
                is_kept = at < len(way_id) and way_id[at] == way and np.isfinite(first[at]).all()
                lon, lat = first[at].round(7).tolist() if is_kept else (None, None)
                tail = f"; and {more} more ways" if more and way == ways[-1] else ""
                for doubt in doubts:
                    reason = f"way {way}: {doubt.reason}{tail}"
                    yield Finding(field=doubt.key, value=doubt.value, reason=reason, lon=lon, lat=lat, level="warning")


def _text(value: str | None) -> str | None:
    """Return a name as one clean line, None when nothing is left."""
    if value is None:
        return None
    return " ".join(value.split())[:200] or None
