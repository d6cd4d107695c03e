"""What a person does to an incident: the event kinds of the contract, each with its checks and its consequences.

Every change is made from a version, appends an event and an audit row, and tells agencies where they must know.
"""

from __future__ import annotations

import math
from typing import Any

from geoalchemy2 import WKTElement
from sqlalchemy import Connection, delete, insert, select, update

from gis.actors import Actor
from gis.errors import ConflictError, ValueRefused
from gis.messages import message
from gis.reports import MAX_TEXT, Facts
from gis.tables import incident
from gis.words import ENDED, Classification, IncidentStatus, Lane, Role
from routing_engine.dispatch import assignments, clocks, outbox, revision
from routing_engine.dispatch.context import Context, Moment
from routing_engine.dispatch.decision import decide
from routing_engine.dispatch.incidents import incident_row, stored_assignments, visible
from routing_engine.dispatch.lifecycle import ACTING, SETTLED, append_audit, append_event, check_text, status_of
from routing_engine.dispatch.tables import assignment, clock
from zones.tables import incident_area

REOPENABLE = frozenset({IncidentStatus.RESOLVED, IncidentStatus.CLOSED})

EVENT_KINDS = (
    "verify",
    "note",
    "classify",
    "relocate",
    "attach",
    "detach",
    "lane",
    "escalate",
    "confirm",
    "close",
    "reopen",
    "cancel",
    "handoff",
)
AGENCY_KINDS = ("note",)


def add_event(
    tx: Connection, context: Context, incident_id: str, body: Any, *, actor: Actor, language: str = "id"
) -> dict[str, Any]:
    """Do one thing to an incident: the kinds of the contract.

    Parameters
    ----------
    body
        ``{"kind", "version", …}``; what else a kind takes is in the contract.

    Returns
    -------
    dict
        `incident_id`, `kind`, `status`, `version`, `lane`, `severity`.

    Raises
    ------
    NotFoundError
        No such incident, or not the agency's.
    ConflictError
        Stale version, or the incident's status does not allow it.
    ValueRefused
        A member is missing or wrong.
    """
    if not isinstance(body, dict):
        raise ValueRefused.of("", message("wrong_type", language, expected="object"))
    kind, version = body.get("kind"), body.get("version")
    if kind not in EVENT_KINDS:
        raise ValueRefused.of("kind", message("one_of", language, allowed=", ".join(EVENT_KINDS)), value=str(kind)[:40])
    if kind in AGENCY_KINDS:
        actor.require(Role.AGENCY, Role.OPERATOR, Role.SUPERVISOR)
    else:
        actor.require(Role.OPERATOR, Role.SUPERVISOR)
    if isinstance(version, bool) or not isinstance(version, int):
        raise ValueRefused.of("version", message("wrong_type", language, expected="1, 2, 3 …"))
    moment = context.current(tx)
    row = visible(tx, incident_id, actor, lock=True)
    if row["version"] != version:
        raise ConflictError(message("stale", language, current=row["version"], sent=version))
    change = _Change(tx=tx, moment=moment, row=row, body=body, actor=actor, language=language)
    detail = getattr(change, f"_{kind}")()
    values = {"version": version + 1, **change.values}
    tx.execute(update(incident).where(incident.c.incident_id == incident_id).values(**values))
    append_event(tx, incident_id, kind=kind, version=version + 1, detail=detail, actor=actor, now=moment.now)
    append_audit(
        tx, action=f"incident.{kind}", subject=f"incident:{incident_id}", detail=detail, actor=actor, now=moment.now
    )
    after = incident_row(tx, incident_id)
    assert after is not None
    return {
        "incident_id": incident_id,
        "kind": kind,
        "status": after["status"],
        "version": after["version"],
        "lane": after["lane"],
        "severity": after["severity"],
    }


class _Change:
    """One event on its way; `values` become columns of the incident."""

    def __init__(
        self, *, tx: Connection, moment: Moment, row: dict[str, Any], body: dict[str, Any], actor: Actor, language: str
    ) -> None:
        self.tx, self.moment, self.row, self.body = tx, moment, row, body
        self.actor, self.language = actor, language
        self.values: dict[str, Any] = {}

    # -- reading the body

    def _text(self, name: str, *, needed: str | None = None, limit: int = 1000) -> str:
        value = check_text(name, self.body.get(name) or "", limit, self.language)
        if needed and not value:
            raise ValueRefused.of(name, message(needed, self.language))
        return value

    def _must_be_open(self) -> None:
        if self.row["status"] in ENDED:
            raise ConflictError(message("ended", self.language, status=self.row["status"]))

    # -- kinds

    def _verify(self) -> dict[str, Any]:
        self._must_be_open()
        if self.row["status"] == IncidentStatus.DRAFT:
            self.values["status"] = IncidentStatus.VERIFIED
        note = self._text("text")
        return {"text": note} if note else {}

    def _note(self) -> dict[str, Any]:
        return {"text": self._text("text", needed="required", limit=4000)}

    def _classify(self) -> dict[str, Any]:
        given = self.body.get("classification")
        if given not in list(Classification):
            raise ValueRefused.of("classification", message("one_of", self.language, allowed=", ".join(Classification)))
        self.values["classification"] = given
        return {"from": self.row["classification"], "to": given}

    def _relocate(self) -> dict[str, Any]:
        self._must_be_open()
        lon, lat = self._number("lon", -180, 180), self._number("lat", -90, 90)
        accuracy = self._number("accuracy_m", 0, 5000) if self.body.get("accuracy_m") is not None else 0.0
        decision = decide(
            self.tx,
            self.moment,
            lon=lon,
            lat=lat,
            accuracy_m=accuracy,
            type_code=self.row["type_code"],
            severity=self.row["severity"],
            facts=Facts.from_dict(self.row["facts"]),
            language=self.language,
        )
        moved = {**self.row, "lon": lon, "lat": lat, "accuracy_m": accuracy}
        self.tx.execute(delete(incident_area).where(incident_area.c.incident_id == self.row["incident_id"]))
        areas = assignments.area_rows(decision, self.row["incident_id"])
        if areas:
            self.tx.execute(insert(incident_area), areas)
        changed = revision.revise(self.tx, self.moment, moved, decision, is_moved=True)
        self.values |= {
            "geom": WKTElement(f"POINT({lon!r} {lat!r})", srid=4326),
            "accuracy_m": accuracy,
            "handoff": decision.handoff,
        }
        states = [(i["role"], i["state"]) for i in stored_assignments(self.tx, self.row["incident_id"])]
        self.values["status"] = status_of(self.row["status"], states)
        return {
            "from": [self.row["lon"], self.row["lat"]],
            "to": [lon, lat],
            "accuracy_m": accuracy,
            "assignments": changed,
        }

    def _number(self, name: str, low: float, high: float) -> float:
        value = self.body.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueRefused.of(name, message("not_finite", self.language))
        if not low <= value <= high:
            raise ValueRefused.of(name, message("range", self.language, low=low, high=high), value=value)
        return float(value)

    def _attach(self) -> dict[str, Any]:
        """Fold another incident into this one; it can be taken out again."""
        self._must_be_open()
        other_id = self._text("incident_id", needed="required", limit=MAX_TEXT)
        if other_id == self.row["incident_id"]:
            raise ValueRefused.of("incident_id", message("attach_unknown", self.language))
        other = incident_row(self.tx, other_id, lock=True)
        if other is None:
            raise ValueRefused.of("incident_id", message("attach_unknown", self.language), value=other_id)
        if other["status"] in ENDED:
            raise ConflictError(message("ended", self.language, status=other["status"]))
        self.tx.execute(
            update(incident)
            .where(incident.c.incident_id == other_id)
            .values(status=IncidentStatus.MERGED, parent_id=self.row["incident_id"], version=other["version"] + 1)
        )
        self._stop_clocks(other_id)
        append_event(
            self.tx,
            other_id,
            kind="merged",
            version=other["version"] + 1,
            detail={"into": self.row["number"], "was": other["status"]},
            actor=self.actor,
            now=self.moment.now,
        )
        self.values["n_reports"] = self.row["n_reports"] + other["n_reports"]
        severity = min(self.row["severity"], other["severity"])
        raised = revision.raise_incident(
            self.tx,
            self.moment,
            self.row,
            severity=severity,
            facts=Facts.from_dict(other["facts"]),
            n_more_reports=other["n_reports"],
            actor=self.actor,
            language=self.language,
        )
        return {"incident_id": other_id, "number": other["number"], "severity": raised["severity"]}

    def _detach(self) -> dict[str, Any]:
        """Take a folded incident out again; it becomes an open incident of its own."""
        other_id = self._text("incident_id", needed="required", limit=MAX_TEXT)
        other = incident_row(self.tx, other_id, lock=True)
        if other is None or other["parent_id"] != self.row["incident_id"]:
            raise ValueRefused.of("incident_id", message("attach_unknown", self.language), value=other_id)
        states = [(item["role"], item["state"]) for item in stored_assignments(self.tx, other_id)]
        self.tx.execute(
            update(incident)
            .where(incident.c.incident_id == other_id)
            .values(status=status_of(IncidentStatus.VERIFIED, states), parent_id=None, version=other["version"] + 1)
        )
        append_event(
            self.tx,
            other_id,
            kind="detached",
            version=other["version"] + 1,
            detail={"from": self.row["number"]},
            actor=self.actor,
            now=self.moment.now,
        )
        self.values["n_reports"] = max(1, self.row["n_reports"] - other["n_reports"])
        return {"incident_id": other_id, "number": other["number"]}

    def _lane(self) -> dict[str, Any]:
        self._must_be_open()
        lane = self.body.get("lane")
        if lane not in list(Lane):
            raise ValueRefused.of("lane", message("one_of", self.language, allowed=", ".join(Lane)))
        # Raising is one key; lowering the urgency of a report needs a reason.
        reason = self._text("reason", needed="reason_required" if lane == Lane.L else None)
        self.values["lane"] = lane
        return {"from": self.row["lane"], "to": lane, "reason": reason}

    def _escalate(self) -> dict[str, Any]:
        """Tell the next person now: the waiting clocks of agencies that have not answered are due at once."""
        self._must_be_open()
        waiting = select(assignment.c.assignment_id).where(assignment.c.incident_id == self.row["incident_id"])
        due = (
            self.tx.execute(
                select(clock.c.clock_id).where(
                    clock.c.assignment_id.in_(waiting), clock.c.fired_at.is_(None), clock.c.stopped_at.is_(None)
                )
            )
            .scalars()
            .all()
        )
        for clock_id in due:
            self.tx.execute(update(clock).where(clock.c.clock_id == clock_id).values(due_at=self.moment.now))
        return {"text": self._text("text"), "n_clocks": len(due)}

    def _confirm(self) -> dict[str, Any]:
        """Call back the reporter: handled, or not, which reopens."""
        handled = self.body.get("handled")
        if not isinstance(handled, bool):
            raise ValueRefused.of("handled", message("wrong_type", self.language, expected="true/false"))
        if not handled and self.row["status"] in REOPENABLE:
            self._set_reopened()
        return {"handled": handled, "text": self._text("text")}

    def _close(self) -> dict[str, Any]:
        if self.row["status"] in ENDED:
            raise ConflictError(message("ended", self.language, status=self.row["status"]))
        result = self._text("result", needed="result_required")
        reason = self._text("reason")
        pending = [
            item["agency_code"] or "-"
            for item in stored_assignments(self.tx, self.row["incident_id"])
            if item["role"] in ACTING and item["state"] not in SETTLED
        ]
        if pending and not reason:
            raise ConflictError(message("open_assignments", self.language, agencies=", ".join(sorted(set(pending)))))
        self._end(IncidentStatus.CLOSED)
        self.values["result"] = result
        return {"result": result, **({"reason": reason, "pending": pending} if reason else {})}

    def _reopen(self) -> dict[str, Any]:
        if self.row["status"] not in REOPENABLE:
            raise ConflictError(
                message("backwards", self.language, old=self.row["status"], new=IncidentStatus.IN_PROGRESS)
            )
        reason = self._text("reason", needed="reason_required")
        self._set_reopened()
        return {"reason": reason, "from": self.row["status"]}

    def _set_reopened(self) -> None:
        self.values |= {"status": IncidentStatus.IN_PROGRESS, "closed_at": None}

    def _cancel(self) -> dict[str, Any]:
        self._must_be_open()
        reason = self._text("reason", needed="reason_required")
        is_unfounded = self.body.get("unfounded", False)
        if not isinstance(is_unfounded, bool):
            raise ValueRefused.of("unfounded", message("wrong_type", self.language, expected="true/false"))
        self._end(IncidentStatus.UNFOUNDED if is_unfounded else IncidentStatus.CANCELLED)
        self._tell_all()
        return {"reason": reason, "unfounded": is_unfounded}

    def _handoff(self) -> dict[str, Any]:
        self._must_be_open()
        stored = self.row["handoff"] or {}
        government = self._text("government", limit=MAX_TEXT) or stored.get("government", "")
        number = self._text("number", limit=MAX_TEXT) or stored.get("number", "")
        if not government:
            raise ValueRefused.of("government", message("required", self.language))
        self._end(IncidentStatus.HANDED_OFF)
        self.values["handoff"] = {"government": government, "number": number}
        return {"government": government, "number": number, "text": self._text("text")}

    # -- shared

    def _end(self, status: IncidentStatus) -> None:
        self.values |= {"status": status, "closed_at": self.moment.now}
        self._stop_clocks(self.row["incident_id"])

    def _stop_clocks(self, incident_id: str) -> None:
        for item in stored_assignments(self.tx, incident_id):
            clocks.stop(self.tx, item["assignment_id"], now=self.moment.now)

    def _tell_all(self) -> None:
        """Tell every agency that was called that the incident is over."""
        outbox.enqueue(
            self.tx,
            [
                {
                    "agency_code": item["agency_code"],
                    "kind": "update",
                    "incident_id": self.row["incident_id"],
                    "assignment_id": item["assignment_id"],
                    "body": assignments.message_body(item, None, revision.shown(self.row))
                    | {"status": str(self.values["status"])},
                }
                for item in stored_assignments(self.tx, self.row["incident_id"])
                if item["agency_code"] is not None
            ],
            channels=self.moment.snapshot.channels,
            is_drill=self.row["origin"] == "drill",
            now=self.moment.now,
        )
