"""Edits of boundaries: ground handed over, put together, redrawn, split, ended; pure functions of a layer.

Every edit keeps borders that two jurisdictions share exactly shared, vertex by vertex, and leaves no strip between them
that is narrower than the hand that drew (`exact_shapes`). Jurisdictions of other priorities lie above or below and are
never cut; city-wide ones have no border to move.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis.errors import ValueRefused
from gis.messages import message
from zones.draft_form import DEFAULT_PRIORITY, NEIGHBOURS, Edit
from zones.exact_shapes import (
    LEAST_M2,
    common_border_m,
    cut,
    is_narrow,
    join,
    share_vertices,
    wide_parts,
)
from zones.layers import Area, Layer, area_m2, polygons, with_shape

log = logging.getLogger(__name__)

# Less of an area than this is a border drawn differently, not ground that is held.
LEAST_SHARE = 0.01


def apply(
    layer: Layer,
    edit: Edit,
    *,
    areas: Mapping[str, BaseGeometry],
    srid: int,
    language: str,
    agency: str | None = None,
) -> dict[str, Area]:
    """Return the layer after an edit; the one given is left as it is.

    Parameters
    ----------
    areas
        Administrative areas the edit names, by code, EPSG:4326.
    srid
        EPSG code of the metric CRS.
    agency
        Whose a new jurisdiction is when neither the edit nor a split says so.

    Raises
    ------
    ValueRefused
        The edit does not fit the layer; the finding names the member and how to mend it.
    """
    work = _Work(dict(layer), edit, areas, srid, language, agency)
    try:
        getattr(work, f"do_{edit.kind}")()
        return work.settled()
    except shapely.errors.GEOSException as error:
        # Where borders nearly touch, an overlay may find no consistent answer; another drawing, or snap_m, has one.
        log.warning("an edit of kind %s could not be computed: %s", edit.kind, str(error)[:200])
        member = next((name for name in ("geometry", "line", "areas") if name in edit.values), "kind")
        raise ValueRefused.of(
            member, message("draft_not_computed", language), message("draft_not_computed_hint", language)
        ) from error


def resolve(layer: Layer, name: str, *, member: str, language: str) -> Area:
    """Return the jurisdiction that ``AGENCY/CODE``, or a code that only one has, stands for.

    Raises
    ------
    ValueRefused
        None, or several.
    """
    if name in layer:
        return layer[name]
    named = [area for area in layer.values() if area.code == name]
    if len(named) == 1:
        return named[0]
    if named:
        allowed = ", ".join(area.key for area in named)
        raise ValueRefused.of(member, message("needed_of", language, allowed=allowed), value=name)
    raise ValueRefused.of(
        member,
        message("draft_unknown_jurisdiction", language),
        message("choose", language, allowed=", ".join(list(layer)[:20])),
        value=name,
    )


class _Work:
    """One edit under way: the layer as it becomes, and which polygons are new."""

    def __init__(
        self,
        layer: dict[str, Area],
        edit: Edit,
        areas: Mapping[str, BaseGeometry],
        srid: int,
        language: str,
        agency: str | None,
    ) -> None:
        self.layer, self.edit, self.areas = layer, edit, areas
        self.srid, self.language, self.agency = srid, language, agency
        self.changed: set[str] = set()

    def settled(self) -> dict[str, Area]:
        """Return the layer with common borders the same on both sides."""
        self.layer |= share_vertices(self.layer, self.changed & self.layer.keys())
        return dict(sorted(self.layer.items()))

    def do_handover(self) -> None:
        """Hand what the giver holds of areas to the receiver."""
        giver, receiver = self._named("from"), self._named("to")
        if giver.key == receiver.key:
            raise self._refused("to", "draft_same")
        ground = self._ground()
        kept, taken = cut(giver.shape, ground, self.srid, narrow_m=self.edit.snap_m)
        m2, of_m2 = area_m2([taken, ground], self.srid)
        if m2 <= max(LEAST_M2, LEAST_SHARE * of_m2):
            raise self._refused("areas", "draft_not_held", name=giver.name)
        self._require_ground(kept, giver, "areas")
        self._set(giver, kept)
        self._set(receiver, join(receiver.shape, taken))

    def do_compose(self) -> None:
        """Make a jurisdiction of a list of areas."""
        self._hold(self._ground())

    def do_replace(self) -> None:
        """Make a jurisdiction what was drawn."""
        self._hold(polygons(self.edit.shapes["geometry"]))

    def do_split(self) -> None:
        """Cut a jurisdiction in two along a line; one part is a new jurisdiction."""
        whole, line = self._named("jurisdiction"), self.edit.shapes["line"]
        made = self._new(whole.agency, whole.priority)
        pieces: list[BaseGeometry] = []
        rest: list[BaseGeometry] = []
        for part in shapely.get_parts(whole.shape):
            noded = shapely.union(shapely.boundary(part), line)
            faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
            inside = [face for face in faces if part.covers(face.representative_point())]
            if len(inside) > 1:
                pieces += inside
            else:
                rest.append(part)
        pieces = [piece for piece in pieces if not is_narrow(piece, self.srid, 0.0)]
        if len(pieces) < 2:
            raise self._refused("line", "draft_not_across", name=whole.name)
        if len(pieces) > 2:
            raise self._refused("line", "draft_too_many", n=len(pieces))
        news = self._chosen(pieces)
        kept = shapely.GeometryCollection([piece for i, piece in enumerate(pieces) if i != news] + rest)
        self._set(whole, kept)
        self._set(made, pieces[news])

    def do_end(self) -> None:
        """End a jurisdiction; its ground goes to another, or to nobody."""
        ended = self._named("jurisdiction")
        if self.edit.values.get("to"):
            receiver = self._named("to")
            if receiver.key == ended.key:
                raise self._refused("to", "draft_same")
            self._set(receiver, join(receiver.shape, ended.shape))
        del self.layer[ended.key]

    def do_priority(self) -> None:
        """Give a jurisdiction another priority."""
        area = self._named("jurisdiction")
        self._require_news(area.priority != self.edit.values["priority"], "priority")
        self.layer[area.key] = replace(area, priority=self.edit.values["priority"])
        self.changed.add(area.key)

    def do_rename(self) -> None:
        """Give a jurisdiction another name."""
        area = self._named("jurisdiction", is_citywide_fine=True)
        self._require_news(area.name != self.edit.values["name"], "name")
        self.layer[area.key] = replace(area, name=self.edit.values["name"])

    def _hold(self, target: BaseGeometry) -> None:
        """Let a jurisdiction hold `target`; neighbours of its priority give way, and may take what it gives up."""
        area = (
            self._named("jurisdiction")
            if "jurisdiction" in self.edit.values
            else self._new(self.agency, DEFAULT_PRIORITY)
        )
        narrow_m, before = self.edit.snap_m, area.shape
        beside = [one for one in self._beside(area) if one.shape.intersects(target) or one.shape.intersects(before)]
        gained = wide_parts(shapely.difference(target, before), self.srid, narrow_m)
        # Where the drawing slips over a border by less than a hand, the border stays: with each neighbour, and with the
        # ground that is nobody's.
        held_by_others = [one.shape for one in beside if one.shape.intersects(gained)]
        nobodys = shapely.difference(gained, shapely.union_all(held_by_others))
        for ground in [nobodys, *(shapely.intersection(shape, gained) for shape in held_by_others)]:
            for part in shapely.get_parts(polygons(ground)):
                if is_narrow(part, self.srid, narrow_m):
                    gained = polygons(shapely.difference(gained, part))
        given = wide_parts(shapely.difference(before, target), self.srid, narrow_m)
        held = polygons(shapely.difference(before, given)) if not given.is_empty else before
        member = "areas" if self.edit.kind == "compose" else "geometry"
        for one in beside:
            if gained.is_empty or not one.shape.intersects(gained):
                continue
            kept, taken = cut(one.shape, gained, self.srid, narrow_m=narrow_m)
            if not taken.is_empty:
                self._require_ground(kept, one, member)
                self._set(one, kept)
                gained = join(gained, taken)  # with the strips that went along
        held = join(held, gained) if not gained.is_empty else held
        self._require_ground(held, area, member)
        self._require_news(not (gained.is_empty and given.is_empty), member)
        self._set(area, held)
        if self.edit.rest == NEIGHBOURS:
            self._give(given, beside)

    def _give(self, given: BaseGeometry, beside: list[Area]) -> None:
        """Give each part of some ground to the neighbour with which it has the longest border; the rest to nobody."""
        for part in shapely.get_parts(given):
            lengths = [common_border_m(part, self.layer[one.key].shape, self.srid) for one in beside]
            if lengths and max(lengths) > 1.0:
                receiver = self.layer[beside[int(np.argmax(lengths))].key]
                self._set(receiver, join(receiver.shape, part))

    def _beside(self, area: Area) -> list[Area]:
        return [
            one
            for one in self.layer.values()
            if one.key != area.key and one.priority == area.priority and not one.is_citywide
        ]

    def _named(self, member: str, *, is_citywide_fine: bool = False) -> Area:
        area = resolve(self.layer, self.edit.values[member], member=member, language=self.language)
        if area.is_citywide and not is_citywide_fine:
            raise self._refused(member, "draft_citywide", name=area.name)
        return area

    def _new(self, agency: str | None, priority: int) -> Area:
        given = self.edit.values["new"]
        agency = given.get("agency") or agency
        if not agency:
            raise self._refused("new.agency", "required")
        made = Area(
            agency=agency,
            code=given["code"],
            name=given["name"],
            priority=given.get("priority", priority),
            shape=shapely.MultiPolygon(),
        )
        if made.key in self.layer:
            raise self._refused("new.code", "draft_code_used", name=self.layer[made.key].name)
        return made

    def _ground(self) -> BaseGeometry:
        missing = [code for code in self.edit.values["areas"] if code not in self.areas]
        if missing:
            raise self._refused("areas", "draft_unknown_areas", codes=", ".join(missing[:10]))
        return polygons(shapely.union_all([self.areas[code] for code in self.edit.values["areas"]]))

    def _chosen(self, pieces: list[BaseGeometry]) -> int:
        """Return which of two pieces becomes the new jurisdiction."""
        point = self.edit.shapes.get("point")
        if point is None:
            return int(area_m2(pieces, self.srid).argmin())
        for i, piece in enumerate(pieces):
            if piece.covers(point):
                return i
        raise self._refused("point", "draft_point_outside")

    def _set(self, area: Area, shape: BaseGeometry) -> None:
        self.layer[area.key] = with_shape(area, shape)
        self.changed.add(area.key)

    def _require_ground(self, shape: BaseGeometry, area: Area, member: str) -> None:
        if shape.is_empty or area_m2([shape], self.srid)[0] <= LEAST_M2:
            raise self._refused(member, "draft_nothing_left", "draft_nothing_left_hint", name=area.name)

    def _require_news(self, is_new: bool, member: str) -> None:
        if not is_new:
            raise self._refused(member, "draft_no_news")

    def _refused(self, member: str, key: str, hint: str = "", **values: object) -> ValueRefused:
        return ValueRefused.of(
            member, message(key, self.language, **values), message(hint, self.language) if hint else ""
        )
