"""Kelurahan Anaiwoi goes from one polsek to another: the draft, the switch, and what stays as it was."""

from __future__ import annotations

from datetime import timedelta

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis.actors import Actor
from gis.city import read_city
from gis.db import database_now
from gis.errors import ConflictError, ForbiddenError, ValueRefused
from gis.words import Role
from tests.zones.test_receipts import store
from zones import boundary_history, draft_effects, draft_signing, draft_views, drafts
from zones.layers import area_m2, as_frame, read_layer
from zones.matching import current_set, match_point
from zones.matching_batch import match_jurisdictions, read_service_area
from zones.receipts import replay

ANAIWOI = "7471013009"
GIVER, RECEIVER = "POL/POL-MANDONGA", "POL/POL-BARUGA"
INSIDE = (122.50441, -3.99363)
POLICE = Actor(owner="account:p", name="pol", role=Role.AGENCY, agency="POL")
CITY = Actor(owner="account:s", name="sekda", role=Role.SUPERVISOR)
HANDOVER = {"kind": "handover", "areas": [ANAIWOI], "from": GIVER, "to": RECEIVER}


class Desk:
    """Somebody at a draft of the police: each call is one use case, with the version they saw."""

    def __init__(self, tx, actor=POLICE, now=None):
        self.tx, self.actor, self.city = tx, actor, read_city(tx)
        self.now = now or database_now(tx)
        self.id = drafts.create(tx, {"service": "police", "title": "Uji"}, **self._common())

    def _common(self):
        return {"city": self.city, "actor": self.actor, "now": self.now, "language": "id"}

    def view(self):
        return draft_views.describe(self.tx, self.id, city=self.city, actor=self.actor, language="id")

    def do(self, use_case, body, **more):
        body = {"version": self.view()["version"], **body}
        return use_case(self.tx, self.id, body, **self._common(), **more)

    def edit(self, **body):
        self.do(drafts.edit, body)

    def propose(self, at, **more):
        self.do(drafts.propose, {"effective_from": at.isoformat(), "reason": "dekat", **more})

    def sign(self):
        body = {"digest": self.view()["digest"], "office": "Kapolresta"}
        draft_signing.sign(self.tx, self.id, body, **self._common())

    def settle(self, at, *edits):
        for body in edits:
            self.edit(**body)
        self.propose(at, gap_reason="uji")
        self.sign()
        assert self.view()["state"] == "scheduled"


def owner_at(tx, lonlat, at, **more):
    match = match_point(tx, *lonlat, city=read_city(tx), services=["police"], at=at, **more)
    return [f"{one.agency}/{one.code}" for one in match.winners["police"]]


def test_anaiwoi_goes_from_one_polsek_to_the_other(kendari_tx):
    tx = kendari_tx
    desk = Desk(tx)
    at, city = desk.now + timedelta(days=30), desk.city
    kelurahan = shapely.from_wkb(
        bytes(
            tx.execute(
                text("SELECT ST_AsBinary(geom) FROM siaga.admin_area WHERE code = :code"), {"code": ANAIWOI}
            ).scalar_one()
        )
    )
    (anaiwoi_m2,) = area_m2([kelurahan], city.metric_srid)
    before = read_layer(tx, "police", boundary_set=current_set(tx))
    desk.edit(**HANDOVER)
    shown = {one["jurisdiction"]: one for one in desk.view()["changes"]}
    assert sorted(shown) == [RECEIVER, GIVER]
    assert shown[GIVER]["lost_m2"] == pytest.approx(anaiwoi_m2, abs=1)
    assert shown[RECEIVER]["gained_m2"] == pytest.approx(anaiwoi_m2, abs=1)
    assert shown[GIVER]["gained_m2"] == shown[RECEIVER]["lost_m2"] == 0
    desk.propose(at)
    assert desk.view()["checks"]["is_clean"]
    assert [side["jurisdiction"] for side in desk.view()["sides"]] == [RECEIVER, GIVER]
    desk.sign()

    # The same set by an independent way: plain GeoPandas on the city's own polygons.
    old = gpd.GeoSeries({key: area.shape for key, area in before.items() if not area.is_citywide}, crs=4326)
    plain = old.copy()
    plain[GIVER], plain[RECEIVER] = old[GIVER].difference(kelurahan), old[RECEIVER].union(kelurahan)
    after = {
        key: area
        for key, area in read_layer(tx, "police", boundary_set=current_set(tx), at=at).items()
        if not area.is_citywide
    }
    new = gpd.GeoSeries({key: area.shape for key, area in after.items()}, crs=4326)
    off = plain.symmetric_difference(new, align=True).to_crs(city.metric_srid).area
    assert off.max() < 1
    assert new.to_crs(city.metric_srid).area.sum() == pytest.approx(old.to_crs(city.metric_srid).area.sum(), abs=1)
    assert shapely.coverage_is_valid(new.to_numpy())

    # Points inside change at the moment and not before, their surroundings never; SQL and frames agree.
    day = timedelta(days=1)
    moments = {at - day: GIVER, at - timedelta(microseconds=1): GIVER, at: RECEIVER, at + day: RECEIVER}
    for moment, owner in moments.items():
        assert owner_at(tx, INSIDE, moment) == [owner]
    minx, miny, maxx, maxy = kelurahan.buffer(0.004).bounds
    lonlat = [(minx + (maxx - minx) * i / 19, miny + (maxy - miny) * j / 19) for i in range(20) for j in range(20)]
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*zip(*lonlat, strict=True)), crs=4326)
    without, with_it, moment = draft_effects.layers(tx, desk.id)
    assert moment == at
    service_area = read_service_area(tx)
    one, two = (
        match_jurisdictions(points, as_frame(layer), city=city, service_area=service_area)
        for layer in (without, with_it)
    )
    is_inside = points.geometry.within(kelurahan)
    is_changed = one["jurisdiction"].ne(two["jurisdiction"]).fillna(False).astype(bool)
    assert is_inside.sum() > 50
    pd.testing.assert_series_equal(is_changed, is_inside, check_names=False)
    for i in range(0, 400, 7):
        assert owner_at(tx, lonlat[i], at) == [f"{two['agency'][i]}/{two['jurisdiction'][i]}"]
        assert owner_at(tx, lonlat[i], at - day) == [f"{one['agency'][i]}/{one['jurisdiction'][i]}"]


def test_receipts_of_before_replay_after_three_more_changes(kendari_tx):
    tx = kendari_tx
    city, now = read_city(tx), database_now(tx)
    places = [INSIDE, (122.49985, -3.9962), (122.5171, -3.9756), (122.62, -3.98)]
    kept = [store(tx, city, *place, accuracy_m=r, at=now) for place in places for r in (0.0, 100.0)]
    # A change that begins before the receipt's own moment cannot be; those that begin right after it are the hardest.
    at = now
    for step, edits in enumerate(
        (
            [HANDOVER],
            [{"kind": "rename", "jurisdiction": RECEIVER, "name": "Polsek Baruga Raya"}],
            # The third ends a jurisdiction: an end set by a later commit.
            [{"kind": "end", "jurisdiction": GIVER, "to": RECEIVER}],
        )
    ):
        at += timedelta(hours=step + 1)
        Desk(tx, now=now + timedelta(seconds=step)).settle(at, *edits)
    assert owner_at(tx, INSIDE, at) == [RECEIVER]
    assert GIVER not in read_layer(tx, "police", boundary_set=current_set(tx))
    for receipt_id in kept:
        again = replay(tx, receipt_id, city=city)
        assert (again["same"], again["changed"]) == (True, [])
        assert again["digest"] == again["replayed_digest"]
    # Between the changes as well: each moment has its own set, whole.
    names = {
        moment: {one["properties"]["name"] for one in boundary_history.in_force(
            tx, "police", at=moment, language="id")["features"]}
        for moment in (now, at - timedelta(hours=4), at - timedelta(seconds=1), at)
    }  # fmt: skip
    assert ["Polsek Mandonga" in found for found in names.values()] == [True, True, True, False]
    assert ["Polsek Baruga Raya" in found for found in names.values()] == [False, False, True, True]
    found = boundary_history.history(tx, "police", jurisdiction=GIVER, now=now, language="id")
    assert [(one["version"], one["state"]) for one in found["items"]] == [(2, "planned"), (1, "in_force")]
    assert found["items"][0]["ended"]["draft"]["signatures"][0]["office"] == "Kapolresta"
    kinds = [{one["kind"] for one in moment["changes"]} for moment in found["moments"][:3]]
    assert kinds == [{"changes", "ends"}, {"changes"}, {"changes"}]


def test_a_moment_that_passed_is_refused_and_a_later_one_is_taken(kendari_tx):
    desk = Desk(kendari_tx)
    desk.edit(**HANDOVER)
    desk.propose(desk.now + timedelta(hours=1))
    desk.now += timedelta(hours=1)
    with pytest.raises(ConflictError, match="sudah lewat"):
        desk.sign()
    desk.propose(desk.now + timedelta(hours=1))
    desk.sign()
    assert desk.view()["state"] == "scheduled"


def test_what_is_planned_counts_for_the_next_draft(kendari_tx):
    """A draft starts from what is planned, and its effects are judged at every planned moment after its own."""
    tx = kendari_tx
    first = Desk(tx)
    first.settle(first.now + timedelta(days=30), HANDOVER)
    back = Desk(tx, CITY)
    back.edit(**{**HANDOVER, "from": RECEIVER, "to": GIVER})  # on the planned boundaries the receiver holds it
    with pytest.raises(ValueRefused, match="sudah punya versi"):
        back.propose(back.now + timedelta(days=29))
    back.propose(back.now + timedelta(days=31))
    # Another jurisdiction may change before that moment, but not onto ground that is somebody's then.
    early = Desk(tx, CITY)
    ring = [[122.49, -4.0], [122.52, -4.0], [122.52, -3.98], [122.49, -3.98], [122.49, -4.0]]
    new = {"code": "POSKO", "name": "Posko", "agency": "POL", "priority": 10}
    early.edit(kind="replace", new=new, geometry={"type": "Polygon", "coordinates": [ring]})
    early.propose(early.now + timedelta(days=10))
    sides = {side["jurisdiction"]: side["why"] for side in early.view()["sides"]}
    assert sides["POL/POSKO"] == "begins"
    assert sides[GIVER] == "ground"
    # It begins before the hand-over, and lies above both in every later set: clean at each moment.
    assert early.view()["checks"]["is_clean"]


def test_edits_are_drawn_again_and_those_that_no_longer_fit_are_dropped(kendari_tx):
    tx = kendari_tx
    desk = Desk(tx)
    desk.edit(**HANDOVER)
    desk.edit(kind="rename", jurisdiction="POL-ABELI", name="Polsek Abeli Nambo")
    other = Desk(tx, CITY)
    for body in (HANDOVER, {"kind": "rename", "jurisdiction": "POL-KANDAI", "name": "Polsek Kandai Kota"}):
        other.edit(**body)
    other.propose(other.now + timedelta(days=5))
    draft_signing.sign(
        tx, other.id, {"digest": other.view()["digest"], "office": "Kapolresta"}, city=desk.city, actor=POLICE,
        now=other.now, language="id",
    )  # fmt: skip
    assert [one["jurisdiction"] for one in desk.view()["stale"]] == [RECEIVER, GIVER]
    with pytest.raises(ConflictError, match="Perbarui dasarnya"):
        desk.propose(desk.now + timedelta(days=40))
    (dropped,) = desk.do(drafts.rebase, {})
    assert "Anaiwoi" in dropped["what"]
    assert "tidak memegang" in dropped["reason"]
    view = desk.view()
    assert [one["name"] for one in view["changes"]] == ["Polsek Abeli Nambo"]
    assert view["stale"] == []
    # What was dropped does not come back with the next rebase.
    assert desk.do(drafts.rebase, {}) == []
    desk.propose(desk.now + timedelta(days=40))


def test_restoring_takes_a_change_back(kendari_tx):
    desk = Desk(kendari_tx)
    desk.edit(**HANDOVER)
    desk.edit(kind="rename", jurisdiction="POL-ABELI", name="Polsek Abeli Nambo")
    desk.edit(kind="restore", jurisdiction="POL-ABELI")
    assert [one["jurisdiction"] for one in desk.view()["changes"]] == [RECEIVER, GIVER]
    with pytest.raises(ValueRefused, match="tidak mengubah"):
        desk.edit(kind="restore", jurisdiction="POL-ABELI")
    # One half of a hand-over restored would be held twice: said, and refused when proposed.
    desk.edit(kind="restore", jurisdiction=GIVER)
    assert desk.view()["checks"]["overlaps"][0]["jurisdictions"] == [RECEIVER, GIVER]
    with pytest.raises(ValueRefused, match="tumpang tindih"):
        desk.propose(desk.now + timedelta(days=1))
    desk.edit(kind="restore")
    assert desk.view()["changes"] == []


def test_what_was_signed_and_what_happened_stays(kendari_tx):
    desk = Desk(kendari_tx)
    desk.settle(desk.now + timedelta(days=1), HANDOVER)
    for table in ("boundary_signature", "boundary_draft_event"):
        with pytest.raises(DBAPIError, match="append-only"), kendari_tx.begin_nested():
            kendari_tx.execute(text(f"DELETE FROM siaga.{table}"))  # noqa: S608  the two names above
    with pytest.raises(DBAPIError, match="only the end of validity"), kendari_tx.begin_nested():
        kendari_tx.execute(text("UPDATE siaga.boundary_version SET name = 'x'"))


def test_impact_is_kept_with_the_proposal(kendari_tx):
    desk = Desk(kendari_tx)
    desk.edit(**HANDOVER)
    at = desk.now + timedelta(days=3)
    seen = []

    def measure(before, after, moment):
        seen.append((before[GIVER].shape.area > after[GIVER].shape.area, moment))
        return {"n": 7}

    desk.do(drafts.propose, {"effective_from": at.isoformat(), "reason": "x"}, measure=measure)
    assert (seen, desk.view()["impact"]) == ([(True, at)], {"n": 7})


def test_who_may(kendari_tx):
    desk = Desk(kendari_tx)
    for role in (Role.PLANNER, Role.OPERATOR, Role.INTAKE):
        desk.actor = Actor(owner="x", name="x", role=role)
        with pytest.raises(ForbiddenError):
            desk.edit(**HANDOVER)
