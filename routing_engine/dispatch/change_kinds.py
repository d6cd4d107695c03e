"""The event kinds of the contract, each with its checks and its consequences; `changes` calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from geoalchemy2 import WKTElement
from sqlalchemy import Connection, delete, insert, select, update

from gis.actors import Actor
from gis.errors import ConflictError, ValueRefused
from gis.labels import label
from gis.messages import message
from gis.reports import MAX_TEXT, Facts, parse_position
from gis.words import ENDED, NO_INCIDENT, AssignmentRole, AssignmentState, Classification, IncidentStatus, Lane, Role
from routing_engine.dispatch import appointing, assignments, folding, notices, revision, rounds
from routing_engine.dispatch.context import Moment
from routing_engine.dispatch.decision import decide
from routing_engine.dispatch.incidents import (
    ACTING,
    AT_IT,
    SETTLED,
    is_recallable,
    stored_assignments,
)
from routing_engine.dispatch.intake import lane_classification
from routing_engine.dispatch.lifecycle import check_text, status_after
from routing_engine.dispatch.tables import assignment, clock
from zones.tables import incident_area

REOPENABLE = frozenset(
    {IncidentStatus.RESOLVED, IncidentStatus.CLOSED, IncidentStatus.CANCELLED, IncidentStatus.UNFOUNDED}
)


class Change:
    """One event on its way.

    `values` become columns of the incident; `telling` writes the messages, given the incident as it has become.
    """

    def __init__(
        self, *, tx: Connection, moment: Moment, row: dict[str, Any], body: dict[str, Any], actor: Actor, language: str
    ) -> None:
        self.tx, self.moment, self.row, self.body = tx, moment, row, body
        self.actor, self.language = actor, language
        self.values: dict[str, Any] = {}
        self.assignment_id: str | None = None
        self._called: frozenset[str] = frozenset()
        self.telling: list[Callable[[dict[str, Any]], None]] = []

    def make(self, kind: str) -> dict[str, Any]:
        """Do what `kind` of the contract is, and return the event's detail."""
        detail: dict[str, Any] = getattr(self, f"_{kind}")()
        return detail

    # -- reading the body

    def _text(self, name: str, *, needed: str | None = None, limit: int = 1000) -> str:
        given = self.body.get(name)
        value = check_text(name, "" if given is None else given, limit, self.language)
        if needed and not value:
            hints = {"reason": "reason_hint", "jurisdiction": "jurisdiction_hint", "assignment_id": "assignment_hint"}
            hint = message(hints[name], self.language) if name in hints else ""
            raise ValueRefused.of(name, message(needed, self.language), hint)
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
        said = {"text": self._text("text", needed="required", limit=4000)}
        if self.actor.role != Role.AGENCY:  # what one agency notes is for the desk of the city
            self._tell_all("note", **said)
        return said

    def _classify(self) -> dict[str, Any]:
        given = self.body.get("classification")
        if given not in list(Classification):
            raise ValueRefused.of("classification", message("one_of", self.language, allowed=", ".join(Classification)))
        self.values["classification"] = given
        if given in NO_INCIDENT and self.row["status"] not in ENDED:
            self._end(IncidentStatus.UNFOUNDED)
        changed = {"from": self.row["classification"], "to": given}
        self._tell_all("classify", **changed)
        return changed

    def _relocate(self) -> dict[str, Any]:
        self._must_be_open()
        place = parse_position(self.body, city=self.moment.snapshot.city, language=self.language)
        decision = decide(
            self.tx,
            self.moment,
            lon=place.lon,
            lat=place.lat,
            accuracy_m=place.accuracy_m,
            type_code=self.row["type_code"],
            severity=self.row["severity"],
            facts=Facts.from_dict(self.row["facts"]),
            language=self.language,
        )
        moved = {**self.row, "lon": place.lon, "lat": place.lat, "accuracy_m": place.accuracy_m}
        self.tx.execute(delete(incident_area).where(incident_area.c.incident_id == self.row["incident_id"]))
        areas = assignments.area_rows(decision, self.row["incident_id"])
        if areas:
            self.tx.execute(insert(incident_area), areas)
        stayed, added = revision.move(self.tx, self.moment, moved, decision)
        self.values |= {
            "geom": WKTElement(f"POINT({place.lon!r} {place.lat!r})", srid=4326),
            "accuracy_m": place.accuracy_m,
            "handoff": decision.handoff,
        }
        self._follow(self.row["status"])
        changed = {
            "from": [self.row["lon"], self.row["lat"]],
            "to": [place.lon, place.lat],
            "accuracy_m": place.accuracy_m,
        }
        # Each has its own new station and seconds, so each is told.
        self.telling.append(lambda after: self._send(after, {"kind": "relocate", **changed}, only=frozenset(stayed)))
        return {**changed, "assignments": [*stayed, *added]}

    def _attach(self) -> dict[str, Any]:
        """Fold another incident into this one; it can be taken out again."""
        self._must_be_open()
        other_id = self._text("incident_id", needed="required", limit=MAX_TEXT)
        if other_id == self.row["incident_id"]:
            raise ValueRefused.of("incident_id", message("attach_itself", self.language))
        folded = folding.fold(self.tx, self.moment, self.row, other_id, actor=self.actor, language=self.language)
        self.values["n_reports"] = self.row["n_reports"] + folded.pop("n_reports")
        return folded

    def _detach(self) -> dict[str, Any]:
        """Take a folded incident out again; it becomes an open incident of its own."""
        other_id = self._text("incident_id", needed="required", limit=MAX_TEXT)
        freed = folding.unfold(self.tx, self.moment, self.row, other_id, actor=self.actor, language=self.language)
        self.values["n_reports"] = max(1, self.row["n_reports"] - freed.pop("n_reports"))
        return freed

    def _lane(self) -> dict[str, Any]:
        self._must_be_open()
        lane = self.body.get("lane")
        if lane not in list(Lane):
            raise ValueRefused.of("lane", message("one_of", self.language, allowed=", ".join(Lane)))
        # Raising is one key; lowering the urgency of a report needs a reason.
        reason = self._text("reason", needed="reason_required" if lane == Lane.L else None)
        self.values["lane"] = lane
        changed = {"from": self.row["lane"], "to": lane, "reason": reason}
        self._tell_all("lane", **changed)
        return changed

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
        said = self._text("text")
        self._tell_all("escalate", text=said)
        return {"text": said, "n_clocks": len(due)}

    def _confirm(self) -> dict[str, Any]:
        """Call back the reporter: handled, or not, which reopens."""
        handled = self.body.get("handled")
        if not isinstance(handled, bool):
            raise ValueRefused.of("handled", message("wrong_type", self.language, expected="true/false"))
        called = self._call_again() if not handled and self.row["status"] in REOPENABLE else []
        # What the reporter said stays here; the agencies learn whether it is handled.
        self._tell_all("confirm", handled=handled)
        return {"handled": handled, "text": self._text("text"), **({"called": called} if called else {})}

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
        self._tell_all("close", result=result, **({"reason": reason} if reason else {}))
        return {"result": result, **({"reason": reason, "pending": pending} if reason else {})}

    def _reopen(self) -> dict[str, Any]:
        if self.row["status"] not in REOPENABLE:
            raise ConflictError(message("reopen_open", self.language, status=self.row["status"]))
        reason = self._text("reason", needed="reason_required")
        called = self._call_again()
        self._tell_all("reopen", reason=reason)
        return {"reason": reason, "from": self.row["status"], "called": called}

    def _cancel(self) -> dict[str, Any]:
        self._must_be_open()
        reason = self._text("reason", needed="reason_required")
        is_unfounded = self.body.get("unfounded", False)
        if not isinstance(is_unfounded, bool):
            raise ValueRefused.of("unfounded", message("wrong_type", self.language, expected="true/false"))
        self._end(IncidentStatus.UNFOUNDED if is_unfounded else IncidentStatus.CANCELLED)
        self._tell_all("cancel", reason=reason, unfounded=is_unfounded)
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
        self._tell_all("handoff", government=government, number=number)
        return {"government": government, "number": number, "text": self._text("text")}

    def _recall(self) -> dict[str, Any]:
        """Ask an agency again that declined, is silent or was done."""
        self._must_be_open()
        wanted = self._text("assignment_id", needed="required", limit=MAX_TEXT)
        note = self._text("note")
        item = next(
            (one for one in stored_assignments(self.tx, self.row["incident_id"]) if one["assignment_id"] == wanted),
            None,
        )
        if item is None:
            hint = message("assignment_hint", self.language)
            raise ValueRefused.of("assignment_id", message("assignment_unknown", self.language), hint, wanted[:80])
        if not is_recallable(item):
            key = "at_it" if item["state"] in AT_IT else "not_called"
            raise ConflictError(message(key, self.language, state=label("state", item["state"], self.language)))
        was = str(item["state"])
        rounds.begin(self.tx, self.moment, self.row, [item])
        self.assignment_id = wanted
        self._follow(self.row["status"])
        self.telling.append(lambda after: rounds.call(self.tx, self.moment, after, [item], note=note))
        return {
            "agency": item["agency_code"],
            "service": item["service_code"],
            "jurisdiction": item["jurisdiction_code"],
            "from": was,
            "round": item["round"],
            **({"note": note} if note else {}),
        }

    def _appoint(self) -> dict[str, Any]:
        """Call a jurisdiction by hand."""
        self._must_be_open()
        role = self.body.get("role")
        allowed = [str(one) for one in ACTING]
        if role is not None and (not isinstance(role, str) or role not in allowed):
            hint = message("choose", self.language, allowed=", ".join(allowed))
            raise ValueRefused.of("role", message("unknown_role", self.language), hint, str(role)[:80])
        reason = self._text("reason", needed="reason_required")
        chosen = appointing.find(
            self.tx,
            self.moment,
            self._text("jurisdiction", needed="required", limit=MAX_TEXT),
            service=self._text("service", limit=MAX_TEXT) or None,
            agency=self._text("agency", limit=MAX_TEXT) or None,
            language=self.language,
        )
        appointment = appointing.Appointment(self.tx, self.moment, self.row, actor=self.actor, language=self.language)
        detail = appointment.make(chosen, role=AssignmentRole(role or AssignmentRole.SUPPORT), reason=reason)
        self.assignment_id = detail.pop("assignment_id")
        self._follow(self.row["status"])
        self.telling.append(lambda after: appointment.tell(after, {"kind": "appoint", **detail}))
        return detail

    # -- shared

    def _follow(self, status: str) -> None:
        """Let the status follow the assignments as they are now, from `status` on."""
        self.values["status"] = status_after(status, stored_assignments(self.tx, self.row["incident_id"]))

    def _call_again(self) -> list[str]:
        """Open what had ended: everybody who acts in it and has not declined begins a new round; return the agencies.

        Also who was at it when it ended: they were told that it is over.
        """
        items = [
            item
            for item in stored_assignments(self.tx, self.row["incident_id"])
            if item["agency_code"] is not None and item["role"] in ACTING and item["state"] != AssignmentState.DECLINED
        ]
        rounds.begin(self.tx, self.moment, self.row, items)
        self.values["closed_at"] = None
        if self.row["classification"] in NO_INCIDENT:
            self.values["classification"] = lane_classification(self.row["lane"])
        self._follow(IncidentStatus.VERIFIED)
        self._called = frozenset(item["assignment_id"] for item in items)
        self.telling.append(lambda after: rounds.call(self.tx, self.moment, after, items))
        return [item["agency_code"] for item in items]

    def _end(self, status: IncidentStatus) -> None:
        self.values |= {"status": status, "closed_at": self.moment.now}
        folding.stop_clocks(self.tx, self.row["incident_id"], now=self.moment.now)

    def _tell_all(self, kind: str, **event: Any) -> None:
        """Tell every agency whose part has not ended, but those a new round calls anyway."""
        self.telling.append(lambda after: self._send(after, {"kind": kind, **event}))

    def _send(self, after: dict[str, Any], event: dict[str, Any], *, only: frozenset[str] | None = None) -> None:
        items = stored_assignments(self.tx, after["incident_id"])
        readers = (
            [item for item in notices.concerned(items) if item["assignment_id"] not in self._called]
            if only is None
            else [item for item in items if item["assignment_id"] in only and notices.is_concerned(item)]
        )
        notices.send(self.tx, self.moment, after, readers, event=event)
