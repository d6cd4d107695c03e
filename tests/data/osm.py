"""Small OpenStreetMap files, drawn by hand for one rule at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from data.osm_network import Roads, read_roads

# About 111 m at the equator's neighbour Kendari; nodes are given in these steps from here.
WEST, SOUTH, STEP = 122.50, -4.00, 0.001

Tags = Mapping[str, str]
Member = tuple[str, int, str]


def place(x: float, y: float) -> tuple[float, float]:
    """Return degrees of a place on the grid."""
    return round(WEST + x * STEP, 7), round(SOUTH + y * STEP, 7)


def write_osm(
    path: Path,
    nodes: Mapping[int, tuple[float, float] | tuple[float, float, Tags]],
    ways: Mapping[int, tuple[Sequence[int], Tags]],
    relations: Mapping[int, tuple[Sequence[Member], Tags]] | None = None,
) -> Path:
    """Write OSM XML: nodes at grid places (with tags), ways over them, relations with `(type, id, role)` members."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6" generator="test">']

    def tagged(tags: Tags) -> list[str]:
        return [f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items()]

    for number, (x, y, *tags) in nodes.items():
        lon, lat = place(x, y)
        lines += [f'<node id="{number}" version="1" lon="{lon:.7f}" lat="{lat:.7f}">', *tagged(tags[0] if tags else {})]
        lines.append("</node>")
    for number, (refs, tags) in ways.items():
        lines += [f'<way id="{number}" version="1">', *(f'<nd ref="{ref}"/>' for ref in refs), *tagged(tags), "</way>"]
    for number, (members, tags) in (relations or {}).items():
        listed = [f'<member type="{kind}" ref="{ref}" role="{role}"/>' for kind, ref, role in members]
        lines += [f'<relation id="{number}" version="1">', *listed, *tagged(tags), "</relation>"]
    path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
    return path


def roads_of(folder: Path, *args: object, **options: object) -> Roads:
    """Write a file and read its network."""
    return read_roads(write_osm(folder / "drawn.osm", *args), **options)  # type: ignore[arg-type]
