from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import ConfigurationError
from gis.reports import Facts
from gis.words import AssignmentRole
from routing_engine.dispatch.conditions import Circumstances
from routing_engine.dispatch.ladder import LadderStep, steps_for
from routing_engine.dispatch.sop import STRENGTH, Rule, in_force, rule_code, select

START = datetime(2026, 1, 1, tzinfo=UTC)
NONE = Circumstances()
BURNING = Circumstances(facts=Facts(hazards=frozenset({"fire"})))


def rule(service: str, role: str, condition: str = "", **changes: object) -> Rule:
    values: dict[str, object] = {
        "type_code": "KAM1",
        "severity_min": 1,
        "severity_max": 2,
        "plan": "",
        "ack_s": 60,
        "valid_from": START,
        "valid_to": None,
    } | changes
    code = rule_code(
        str(values["type_code"]),
        int(str(values["severity_min"])),
        int(str(values["severity_max"])),
        service,
        condition=condition,
        valid_from="2026-01-01",
    )
    return Rule(code=code, service=service, role=AssignmentRole(role), condition=condition, **values)  # type: ignore[arg-type]


POLICE = rule("police", "lead")


def test_lead_comes_first_then_support_then_inform() -> None:
    rules = [rule("water", "inform"), rule("fire", "support"), POLICE, rule("electricity", "inform")]
    assert [chosen.service for chosen in select(rules, NONE)] == ["police", "fire", "electricity", "water"]


def test_strongest_role_of_a_service_counts() -> None:
    rules = [POLICE, rule("fire", "inform"), rule("fire", "support", "hazard.fire")]
    assert [chosen.role for chosen in select(rules, NONE)] == ["lead", "inform"]
    assert [chosen.role for chosen in select(rules, BURNING)] == ["lead", "support"]


def test_of_equal_roles_the_one_about_this_case_counts() -> None:
    rules = [POLICE, rule("fire", "support"), rule("fire", "support", "hazard.fire")]
    assert select(rules, BURNING)[1].code == "KAM1/S1-2/fire[hazard.fire]@2026-01-01"
    assert select(rules, NONE)[1].code == "KAM1/S1-2/fire@2026-01-01"


@pytest.mark.parametrize(
    "rules", [[], [rule("fire", "support")], [POLICE, rule("fire", "lead")], [rule("fire", "lead", "hazard.fire")]]
)
def test_not_exactly_one_lead_is_an_error(rules: list[Rule]) -> None:
    with pytest.raises(ConfigurationError, match="exactly one lead"):
        select(rules, NONE)


def test_rules_are_in_force_from_their_start_until_before_their_end() -> None:
    end = START + timedelta(days=30)
    ending = rule("fire", "support", valid_to=end)
    rules = [POLICE, ending]
    assert in_force(rules, "KAM1", 1, START - timedelta(microseconds=1)) == []
    assert in_force(rules, "KAM1", 1, START) == rules
    assert in_force(rules, "KAM1", 2, end - timedelta(microseconds=1)) == rules
    assert in_force(rules, "KAM1", 2, end) == [POLICE]
    assert in_force(rules, "KAM1", 3, START) == []
    assert in_force(rules, "KAM2", 1, START) == []


def test_a_rule_is_cited_with_the_severity_at_hand() -> None:
    assert POLICE.code_for(1) == "KAM1/S1/police@2026-01-01"
    assert rule("police", "lead", severity_max=1).code_for(1) == "KAM1/S1/police@2026-01-01"
    assert rule("fire", "support", "child  and(armed)").code == "KAM1/S1-2/fire[child and armed]@2026-01-01"


CONDITIONS = ["", "hazard.fire", "child", "n_victims > 2", "not armed"]


@given(
    st.lists(
        st.builds(
            rule,
            st.sampled_from(["fire", "medical", "rescue"]),
            st.sampled_from(["support", "inform"]),
            st.sampled_from(CONDITIONS),
        ),
        max_size=12,
    ),
    st.builds(
        Circumstances,
        facts=st.builds(
            Facts,
            n_victims=st.integers(0, 5),
            hazards=st.frozensets(st.sampled_from(["fire", "gas"])),
            child=st.booleans(),
            armed=st.booleans(),
        ),
    ),
    st.randoms(),
)
def test_selection(rules: list[Rule], circumstances: Circumstances, random: object) -> None:
    chosen = select([POLICE, *rules], circumstances)
    assert chosen[0] is POLICE
    assert len({each.service for each in chosen}) == len(chosen)
    for each in chosen:
        assert each.parsed.holds(circumstances)
        rivals = [r for r in rules if r.service == each.service and r.parsed.holds(circumstances)]
        assert all(STRENGTH[each.role] <= STRENGTH[rival.role] for rival in rivals)
    missing = {r.service for r in rules if r.parsed.holds(circumstances)} - {each.service for each in chosen}
    assert not missing
    shuffled = [POLICE, *rules]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [r.code for r in select(shuffled, circumstances)] == [r.code for r in chosen]


def test_steps_of_a_ladder_are_in_order() -> None:
    steps = [
        LadderStep(lane=lane, severity=1, level=level, after_s=level * 60, whom_id="Sekda", whom_en="City secretary")
        for lane in "DL"
        for level in (2, 0, 1)
    ]
    assert [step.level for step in steps_for(steps, "D", 1)] == [0, 1, 2]
    assert steps_for(steps, "D", 4) == []
    assert steps[0].whom("en") == "City secretary"
