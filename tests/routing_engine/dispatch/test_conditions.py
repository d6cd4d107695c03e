from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import DataError
from gis.reports import Facts
from routing_engine.dispatch.conditions import (
    FLAGS,
    HAZARDS,
    NUMBERS,
    AllOf,
    AreaIn,
    Circumstances,
    Condition,
    FlagIs,
    HazardIs,
    Not,
    NumberIs,
    OneOf,
    cases,
    parse,
)

AREAS = ("7471013", "7471014", "7471014003")
VICTIMS = Circumstances(facts=Facts(n_victims=5, hazards=frozenset({"fire"})), hour=22, areas=frozenset(AREAS[1:]))


def atoms() -> st.SearchStrategy[object]:
    return st.one_of(
        st.builds(
            NumberIs, st.sampled_from(NUMBERS), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.integers(0, 30)
        ),
        st.builds(FlagIs, st.sampled_from(FLAGS)),
        st.builds(HazardIs, st.sampled_from(HAZARDS)),
        st.builds(AreaIn, st.lists(st.sampled_from(AREAS), min_size=1, max_size=3, unique=True).map(tuple)),
    )


def nodes() -> st.SearchStrategy[object]:
    def joined(parts: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        several = st.lists(parts, min_size=2, max_size=3).map(tuple)
        return st.one_of(st.builds(Not, parts), st.builds(AllOf, several), st.builds(OneOf, several))

    return st.recursive(atoms(), joined, max_leaves=5)


def circumstances() -> st.SearchStrategy[Circumstances]:
    facts = st.builds(
        Facts,
        n_victims=st.integers(0, 30),
        n_dead=st.integers(0, 30),
        hazards=st.frozensets(st.sampled_from(HAZARDS)),
        child=st.booleans(),
        on_road=st.booleans(),
        armed=st.booleans(),
    )
    return st.builds(
        Circumstances,
        facts=facts,
        hour=st.integers(0, 23),
        areas=st.frozensets(st.sampled_from(AREAS)),
        on_bridge=st.booleans(),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("   ", True),
        ("n_victims >= 5 and hazard.fire", True),
        ("n_victims > 5", False),
        ("n_victims == 5", True),
        ("n_victims=5", True),
        ("n_dead > 0 or hour >= 18", True),
        ("not child", True),
        ("not (child or hazard.fire)", False),
        ('area = "7471014"', True),
        ('area != "7471014"', False),
        ('area in ("7471013", "7471014003")', True),
        ('area = "7471013"', False),
        ("on_bridge", False),
        # `and` binds closer than `or`
        ("hazard.fire or child and armed", True),
        ("(hazard.fire or child) and armed", False),
    ],
)
def test_holds(text: str, expected: bool) -> None:
    assert parse(text).holds(VICTIMS) is expected


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("n_victims >", 12),
        ("victims > 3", 1),
        ("child and", 10),
        ("(child", 7),
        ("child)", 6),
        ("area = 7471014", 8),
        ('area = "Wua-Wua; DROP"', 8),
        ("n_victims >= 5.5", 14),
        ("n_victims >= -1", 14),
        ("hazard.boom", 1),
        ("child child", 7),
        ("child == true", 7),
        ("__import__('os')", 1),
        ("area in ()", 10),
        ("not " * 40 + "child", 121),
        ("Child", 1),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, at: int) -> None:
    with pytest.raises(DataError, match=rf"at character {at}: found .* expected"):
        parse(text)


def test_long_conditions_are_refused() -> None:
    with pytest.raises(DataError, match="500 characters"):
        parse("child or " * 100 + "child")


@given(nodes(), circumstances())
def test_text_of_a_condition_means_the_same(node: object, given_: Circumstances) -> None:
    condition = Condition(node)  # type: ignore[arg-type]
    again = parse(str(condition))
    assert again.holds(given_) == condition.holds(given_)
    assert parse(str(again)) == again


@given(nodes(), circumstances())
def test_cases_reach_every_answer_that_single_areas_can_give(node: object, given_: Circumstances) -> None:
    if len(given_.areas) > 1:
        given_ = Circumstances(facts=given_.facts, hour=given_.hour, on_bridge=given_.on_bridge)
    condition = Condition(node)  # type: ignore[arg-type]
    comparisons = sorted(condition.atoms(), key=str)

    def answers(case: Circumstances) -> tuple[bool, ...]:
        return tuple(atom.holds(case) for atom in comparisons)

    assert answers(given_) in {answers(case) for case in cases([condition])}


def test_too_many_facts_at_once_are_refused() -> None:
    everything = [*FLAGS, *(f"hazard.{name}" for name in HAZARDS), *(f"n_victims > {n * 3}" for n in range(20))]
    with pytest.raises(DataError, match="too many facts"):
        list(cases([parse(text) for text in everything]))
