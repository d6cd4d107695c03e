"""The question that separates two jurisdictions: asked only where an answer exists, and each answer settles it."""

from __future__ import annotations

import pytest

from gis.reports import Facts
from routing_engine.dispatch.context import Context
from routing_engine.dispatch.decision import decide

CORNER = (122.49985, -3.9962)  # simpang Wua-Wua: several jurisdictions within a few metres


@pytest.fixture
def ask(kendari_tx, server):
    moment = Context(server.state).current(kendari_tx)

    def decided(lon, lat, accuracy_m, language="id"):
        return decide(
            kendari_tx,
            moment,
            lon=lon,
            lat=lat,
            accuracy_m=accuracy_m,
            type_code="KAM1",
            severity=1,
            facts=Facts(),
            language=language,
        )

    return decided


def leads(decision):
    return [duty.winner.code for duty in decision.duties if duty.rule.service == "police"]


@pytest.mark.parametrize("accuracy_m", [60, 100, 250])
def test_each_answer_leaves_one_jurisdiction_the_one_that_was_answered(ask, accuracy_m):
    decision = ask(*CORNER, accuracy_m)
    assert len(leads(decision)) > 1
    assert decision.question is not None
    options = decision.question["options"]
    assert len({option["place"] for option in options}) == 2
    for option in options:
        assert option["accuracy_m"] < accuracy_m
        after = ask(option["lon"], option["lat"], option["accuracy_m"])
        assert leads(after) == [option["jurisdiction"]]
        assert after.question is None


def test_the_place_the_caller_has_named_is_not_asked_about(ask):
    asked = ask(*CORNER, 100).question["options"]
    assert "Simpang Wua-Wua" not in {option["place"] for option in asked}


def test_nothing_is_asked_about_a_point_or_where_one_jurisdiction_covers_the_disc(ask):
    assert ask(*CORNER, 0).question is None
    assert ask(122.5236, -3.9990, 30).question is None


def test_the_question_speaks_the_language_of_whoever_asks(ask):
    assert ask(*CORNER, 100).question["text"].startswith("Di sisi ")
    assert ask(*CORNER, 100, "en").question["text"].startswith("On the side of ")
