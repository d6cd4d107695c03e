"""The gazetteer of the demo city, asked as callers speak."""

from __future__ import annotations

import pytest

from gis.actors import Actor
from gis.places import KINDS, STANDING, find_place, key_of, phrases
from gis.words import Role
from routing_engine.dispatch import intake
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.incidents import incident_row

SAID = [
    ("depan lippo", "Lippo Plaza"),
    ("di depan Lippo Plaza", "Lippo Plaza"),
    ("dekat pasar baru", "Pasar Baru Wua-Wua"),
    ("simpang wua-wua arah thr", "Simpang Wua-Wua"),
    ("simpang wua wua", "Simpang Wua-Wua"),
    ("simpang wuawua", "Simpang Wua-Wua"),
    ("SIMPANG  WUA - WUA", "Simpang Wua-Wua"),
    ("pertigaan thr", "Simpang THR"),
    ("arah thr", "Simpang THR"),
    ("lippoplaza", "Lippo Plaza"),
    ("seberang masjid al alam", "Masjid Al-Alam"),
    ("rumah terbakar di belakang masjid raya", "Masjid Raya Al-Kautsar"),
    ("hotel zenith samping bank", "Hotel Zenith"),
    ("jln anawai", "Jalan Anawai"),
    ("jl. d.i. panjaitan", "Jalan DI Panjaitan"),
    ("lorong infantri", "Lorong Infantri"),
    ("lrg. infantri", "Lorong Infantri"),
    ("simpang wua wua, kendari", "Simpang Wua-Wua"),
    ("simpng wua wua", "Simpang Wua-Wua"),
    ("puskesmas lepolepo", "Puskesmas Lepo-Lepo"),
    ("kelurahan mandonga", "Kelurahan Mandonga"),
    ("kec. mandonga", "Kecamatan Mandonga"),
    ("jalan mt haryono depan lippo", "Lippo Plaza"),
    ("jalan anawai, wua-wua", "Jalan Anawai"),
    ("near the park", "The Park Kendari"),
]


@pytest.mark.parametrize(("said", "name"), SAID)
def test_what_callers_say_finds_the_place(kendari_tx, said, name):
    assert find_place(kendari_tx, said)[0].name == name


def test_a_name_said_whole_comes_before_names_that_hold_it(kendari_tx):
    first, second, *others = find_place(kendari_tx, "wua-wua", limit=20)
    assert [first.name, second.name] == ["Simpang Wua-Wua", "Kelurahan Wua Wua"]
    assert first.score == second.score == 1.0
    assert {"Bank BNI Wua-Wua", "Puskesmas Wua-Wua", "Pasar Baru Wua-Wua"} <= {place.name for place in others}
    assert all(place.score < 1 for place in others)


def test_alike_names_come_by_what_people_orient_themselves_by(kendari_tx):
    found = [place for place in find_place(kendari_tx, "mandonga", limit=20) if place.score == 0.97]
    ranks = [STANDING.get(place.kind, len(KINDS)) for place in found]
    assert len(found) > 5
    assert ranks == sorted(ranks)
    assert found[0].kind in KINDS[0]


def test_nothing_resembling_is_nothing_and_odd_texts_are_texts(kendari_tx):
    assert find_place(kendari_tx, "zzzzqqqq") == []
    assert find_place(kendari_tx, "   ") == []
    for said in ("%", "_", "\\", "'; DROP", "...", "di", "depan", "arah", "," * 50, "taman & <b>kota</b>"):
        find_place(kendari_tx, said)


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ("di depan Lippo", "lippo"),
        ("Lorong Sepakat", "lorong sepakat"),
        ("simpang thr arah pasar baru", "simpang thr"),
        ("simpang thr ke arah pasar", "simpang thr"),
        ("dimana", "dimana"),
        ("depan", "depan"),
        ("dekat dari kantor SAR", "kantor sar"),
    ],
)
def test_only_the_place_is_left(said, whole):
    assert next(iter(phrases(said))) == whole


def test_keys_know_neither_blanks_nor_abbreviations():
    assert key_of("Jl. Lumba - Lumba") == key_of("jalan lumba-lumba") == "jalanlumbalumba"
    assert key_of("...") == ""


def test_a_report_said_in_words_lands_where_they_say(kendari_tx, server):
    context = Context(server.state)
    body = {"type": "KAM1", "location_text": "simpang wua wua"}
    actor = Actor(owner="token:t", name="t", role=Role.INTAKE)
    answer = intake.accept(kendari_tx, context, body, actor=actor, key="k", language="id").answer
    row = incident_row(kendari_tx, answer["incident_id"])
    assert (row["lon"], row["lat"], row["accuracy_m"]) == (pytest.approx(122.49985), pytest.approx(-3.9962), 60)
