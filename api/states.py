"""The body that moves an assignment on; the same at both doors."""

from __future__ import annotations

from typing import Any

from api.body import check_values, read_object
from gis.errors import Finding, ValueRefused
from gis.messages import message
from gis.words import AssignmentState, Language

FIELDS = ("state", "version", "note", "result")


def read_state(raw: bytes, language: Language) -> dict[str, Any]:
    """Return `state`, `version`, `note` and `result` as `lifecycle.change_assignment` takes them.

    Raises
    ------
    Problem
        400: not a JSON object.
    ValueRefused
        With every finding.
    """
    body = read_object(raw, language)
    check_values(body, FIELDS, language, required=("state", "version"))
    findings = []
    state, version = body["state"], body["version"]
    if not isinstance(state, str) or state not in set(AssignmentState):
        allowed = ", ".join(AssignmentState)
        findings.append(Finding(field="state", reason=message("one_of", language, allowed=allowed)))
    if isinstance(version, bool) or not isinstance(version, int):
        findings.append(Finding(field="version", reason=message("wrong_type", language, expected="1, 2, 3 …")))
    for name in ("note", "result"):
        if not isinstance(body.get(name), str | None):
            findings.append(Finding(field=name, reason=message("wrong_type", language, expected="text")))
    if findings:
        raise ValueRefused("; ".join(map(str, findings)), findings)
    return {"state": state, "version": version, "note": body.get("note") or "", "result": body.get("result")}
