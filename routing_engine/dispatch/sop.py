"""The city's SOP: which services an event needs, and in which role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from gis.errors import ConfigurationError
from gis.words import AssignmentRole
from routing_engine.dispatch.conditions import Circumstances, Condition, parse

# Strongest first: of two rules for one service, the stronger role counts.
STRENGTH = {AssignmentRole.LEAD: 0, AssignmentRole.SUPPORT: 1, AssignmentRole.INFORM: 2}

RULES = text(
    """
SELECT rule_code, type_code, severity_min, severity_max, condition, service_code, role, plan, ack_s,
       lower(valid) AS valid_from, upper(valid) AS valid_to, source, signed_by
FROM siaga.sop_rule ORDER BY type_code COLLATE "C", rule_code COLLATE "C"
"""
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the SOP.

    Attributes
    ----------
    code
        Unique, as receipts cite it: ``KAM1/S1/police@2026-01-01``, ``BNC3/S3/electricity[hazard.electricity]@…``.
    severity_min, severity_max
        Severities it is for, both included; 1 is the gravest.
    condition
        Text in the language of `conditions`; empty always holds.
    ack_s
        Seconds the agency has for its word; `None` has no clock.
    valid_from, valid_to
        Half-open; `valid_to` `None` is open.
    """

    code: str
    type_code: str
    severity_min: int
    severity_max: int
    condition: str
    service: str
    role: AssignmentRole
    plan: str
    ack_s: int | None
    valid_from: datetime
    valid_to: datetime | None
    source: str = ""
    signed_by: str = ""
    parsed: Condition = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parsed", parse(self.condition))

    def code_for(self, severity: int) -> str:
        """Return the code with the severity at hand: the rule of severities 1–2 is cited as S1 in a severity 1."""
        if self.severity_min == self.severity_max:
            return self.code
        return self.code.replace(f"/S{self.severity_min}-{self.severity_max}/", f"/S{severity}/", 1)


def rule_code(
    type_code: str, severity_min: int, severity_max: int, service: str, *, condition: str, valid_from: str
) -> str:
    """Return the code of a rule. Its condition is part of it, so that two rules of one service differ by name.

    `valid_from` is the local date, ``2026-01-01``.
    """
    severity = f"S{severity_min}" if severity_min == severity_max else f"S{severity_min}-{severity_max}"
    when = f"[{parse(condition)}]" if condition.strip() else ""
    return f"{type_code}/{severity}/{service}{when}@{valid_from}"


def load_rules(tx: Connection) -> list[Rule]:
    """Read every rule, in force or not, in order of type and code."""
    return [
        Rule(
            code=row.rule_code,
            type_code=row.type_code,
            severity_min=row.severity_min,
            severity_max=row.severity_max,
            condition=row.condition,
            service=row.service_code,
            role=AssignmentRole(row.role),
            plan=row.plan,
            ack_s=row.ack_s,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            source=row.source,
            signed_by=row.signed_by,
        )
        for row in tx.execute(RULES)
    ]


def in_force(rules: Iterable[Rule], type_code: str, severity: int, at: datetime) -> list[Rule]:
    """Return the rules for a type and severity that are in force at `at`, whatever their condition."""
    return [
        rule
        for rule in rules
        if rule.type_code == type_code
        and rule.severity_min <= severity <= rule.severity_max
        and rule.valid_from <= at
        and (rule.valid_to is None or at < rule.valid_to)
    ]


def select(rules: Iterable[Rule], circumstances: Circumstances) -> list[Rule]:
    """Choose among rules in force (`in_force`): those whose condition holds, one per service.

    Returns
    -------
    list of Rule
        The lead first, then support, then inform; each by service. Of several rules for one service the strongest role
        counts, then the one with a condition (it is about this case), then the lowest code.

    Raises
    ------
    ConfigurationError
        No rule, or more than one service, has the lead.
    """
    chosen: dict[str, Rule] = {}
    holding = (rule for rule in rules if rule.parsed.holds(circumstances))
    for rule in sorted(holding, key=lambda rule: (STRENGTH[rule.role], not rule.condition, rule.code)):
        chosen.setdefault(rule.service, rule)
    leads = [rule for rule in chosen.values() if rule.role == AssignmentRole.LEAD]
    if len(leads) != 1:
        found = ", ".join(rule.code for rule in leads) or "none"
        raise ConfigurationError(
            f"the SOP must name exactly one lead for {circumstances}; found {found}; see ./siaga city check"
        )
    return sorted(chosen.values(), key=lambda rule: (STRENGTH[rule.role], rule.service))
