"""Appointed by hand: a person calls a jurisdiction the SOP and the boundaries would not call here.

The answer, the receipt and the sentence say so, with the role of the person and the reason; a further report or a
move of the incident does not undo it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text, update

from gis.actors import Actor
from gis.errors import ConflictError, ValueRefused
from gis.labels import label
from gis.messages import message
from gis.words import ENDED, AssignmentRole, AssignmentState
from routing_engine.dispatch import answers, assignments, notices, rounds
from routing_engine.dispatch.context import Moment, Snapshot
from routing_engine.dispatch.decision import Decision
from routing_engine.dispatch.given import Given, decide_given
from routing_engine.dispatch.incidents import is_recallable, stored_assignments
from routing_engine.dispatch.tables import assignment

STRENGTH = {AssignmentRole.INFORM: 0, AssignmentRole.SUPPORT: 1, AssignmentRole.LEAD: 2}

# Jurisdictions with a boundary in force; one of an agency that has several services has a row for each.
IN_FORCE = text(
    """
SELECT j.jurisdiction_id, j.code, coalesce(v.name, j.name) AS name, j.agency_code, j.service_code
FROM siaga.boundaries_in_force(:at, :boundary_set) v JOIN siaga.jurisdiction j USING (jurisdiction_id)
WHERE (CAST(:code AS text) IS NULL OR j.code = :code)
ORDER BY j.service_code COLLATE "C", j.agency_code COLLATE "C", j.code COLLATE "C"
"""
)


def in_force(tx: Connection, moment: Moment, code: str | None = None) -> list[dict[str, Any]]:
    """Return the jurisdictions that have a boundary in force, those of one code if given."""
    values = {"at": moment.now, "boundary_set": moment.boundary_set, "code": code}
    return [dict(row) for row in tx.execute(IN_FORCE, values).mappings()]


def find(
    tx: Connection, moment: Moment, code: str, *, service: str | None, agency: str | None, language: str
) -> dict[str, Any]:
    """Return the one jurisdiction a person means.

    Raises
    ------
    ValueRefused
        There is none, or several: then the member that tells them apart is named.
    """
    rows = in_force(tx, moment, code)
    if not rows:
        hint = message("jurisdiction_hint", language)
        raise ValueRefused.of("jurisdiction", message("unknown_jurisdiction", language), hint, value=code)
    for name, given in (("service", service), ("agency", agency)):
        column = f"{name}_code"
        allowed = ", ".join(sorted({row[column] for row in rows}))
        if given is not None:
            rows = [row for row in rows if row[column] == given]
        if not rows or (given is None and name == "service" and len({row[column] for row in rows}) > 1):
            key, hint = ("one_of", "choose") if given else ("needed_of", "needed_of_hint")
            raise ValueRefused.of(
                name, message(key, language, allowed=allowed), message(hint, language, name=name, allowed=allowed)
            )
    if len(rows) > 1:
        allowed = ", ".join(sorted({row["agency_code"] for row in rows}))
        hint = message("needed_of_hint", language, name="agency", allowed=allowed)
        raise ValueRefused.of("agency", message("needed_of", language, allowed=allowed), hint)
    return rows[0]


def rule_code(snapshot: Snapshot, actor: Actor, service: str, now: datetime) -> str:
    """Return what receipts cite instead of a rule: ``hand/supervisor/police@2026-01-31``, the date in the city."""
    return f"hand/{actor.role}/{service}@{now.astimezone(snapshot.city.time_zone).date().isoformat()}"


class Appointment:
    """One appointment on its way; `make` writes, `tell` sends the messages when the incident is as it will be."""

    def __init__(self, tx: Connection, moment: Moment, row: dict[str, Any], *, actor: Actor, language: str) -> None:
        self.tx, self.moment, self.row, self.actor, self.language = tx, moment, row, actor, language
        self._called: list[str] = []
        self._changed: list[str] = []

    def make(self, chosen: dict[str, Any], *, role: AssignmentRole, reason: str) -> dict[str, Any]:
        """Give a jurisdiction (a row of `in_force`) a part; return the event's detail, with `assignment_id`.

        Raises
        ------
        ConflictError
            It has that part already, or a stronger one.
        """
        tx, moment, row = self.tx, self.moment, self.row
        items = stored_assignments(tx, row["incident_id"])
        service = chosen["service_code"]
        own = next(
            (
                item
                for item in items
                if (item["service_code"], item["jurisdiction_id"]) == (service, chosen["jurisdiction_id"])
            ),
            None,
        )
        if own is not None and STRENGTH[AssignmentRole(own["role"])] >= STRENGTH[role]:
            raise ConflictError(
                message(
                    "already_assigned",
                    self.language,
                    name=chosen["name"],
                    role=label("role", own["role"], self.language),
                    state=label("state", own["state"], self.language),
                )
            )
        appointed = {"by_role": str(self.actor.role), "reason": reason, "at": moment.now.isoformat()}
        code = rule_code(moment.snapshot, self.actor, service, moment.now)
        decision = decide_given(
            tx,
            moment,
            row,
            [
                Given(
                    jurisdiction_id=chosen["jurisdiction_id"],
                    service=service,
                    role=role,
                    rule_code=code,
                    appointed=appointed,
                )
            ],
        )
        former = self._step_down(items) if role == AssignmentRole.LEAD else None
        assignment_id = (
            self._raise(own, decision, role, appointed) if own is not None else self._add(decision, appointed)
        )
        return {
            "assignment_id": assignment_id,
            "agency": chosen["agency_code"],
            "service": service,
            "jurisdiction": chosen["code"],
            "name": chosen["name"],
            "role": str(role),
            "reason": reason,
            **({"former_lead": former} if former else {}),
        }

    def _step_down(self, items: list[dict[str, Any]]) -> str | None:
        """Make the lead a supporter, or end the row that said there was none; return its agency."""
        for item in items:
            if item["role"] != AssignmentRole.LEAD:
                continue
            is_open_row = item["agency_code"] is None
            values: dict[str, Any] = (
                {"role": AssignmentRole.INFORM, "state": AssignmentState.DONE}
                if is_open_row
                else {"role": AssignmentRole.SUPPORT}
            )
            self._update(item["assignment_id"], values)
            if not is_open_row:
                self._changed.append(item["assignment_id"])
                return str(item["agency_code"])
        return None

    def _raise(self, item: dict[str, Any], decision: Decision, role: AssignmentRole, appointed: dict[str, Any]) -> str:
        """Give an agency that has a part in the incident a stronger one; it is called unless it is at it already."""
        (duty,) = decision.duties
        columns = assignments.placed_columns(duty)
        assignments.write_receipts(self.tx, decision, self.row["incident_id"], {duty.receipt_id})
        self._update(item["assignment_id"], {**columns, "role": role, "appointed": appointed})
        item |= {**{name: value for name, value in columns.items() if name in item}, "role": role}
        item["version"] += 1
        if is_recallable(item):
            rounds.begin(self.tx, self.moment, self.row, [item])
            self._called.append(item["assignment_id"])
        else:
            self._changed.append(item["assignment_id"])
        return str(item["assignment_id"])

    def _add(self, decision: Decision, appointed: dict[str, Any]) -> str:
        planned = assignments.plan(decision, self.row["incident_id"])
        # The message is that of every new assignment, so it is sent here.
        assignments.write(
            self.tx, self.moment.snapshot, decision, assignments.shown(self.row), planned, now=self.moment.now
        )
        (made,) = planned
        self.tx.execute(
            update(assignment).where(assignment.c.assignment_id == made["assignment_id"]).values(appointed=appointed)
        )
        return str(made["assignment_id"])

    def _update(self, assignment_id: str, values: dict[str, Any]) -> None:
        self.tx.execute(
            update(assignment)
            .where(assignment.c.assignment_id == assignment_id)
            .values(**values, version=assignment.c.version + 1)
        )

    def tell(self, row: dict[str, Any], event: dict[str, Any]) -> None:
        """Call who begins a round, and tell whose role changed; `row` is the incident as it is now."""
        items = {item["assignment_id"]: item for item in stored_assignments(self.tx, row["incident_id"])}
        rounds.call(self.tx, self.moment, row, [items[one] for one in self._called])
        changed = [items[one] for one in self._changed if notices.is_concerned(items[one])]
        notices.send(self.tx, self.moment, row, changed, event=event)


def appointable(tx: Connection, moment: Moment, row: dict[str, Any], language: str) -> list[dict[str, Any]]:
    """Return who may be appointed to an incident now: services called already first, each by travel time.

    Returns
    -------
    list of dict
        `jurisdiction` (code), `name`, `agency`, `agency_name`, `service`, `service_name`, `roles` (what it may become),
        `station`, `travel_time_s`, `travel_time_p90_s`,
        `calibration`, `distance_m`, `estimate`, and `assignment` where it has a part already.
    """
    if row["status"] in ENDED:
        return []
    snapshot = moment.snapshot
    items = stored_assignments(tx, row["incident_id"])
    parts = {(item["service_code"], item["jurisdiction_id"]): item for item in items}
    order = list(dict.fromkeys([*(item["service_code"] for item in items), *snapshot.services]))
    choices = in_force(tx, moment)
    stations = snapshot.stations.rank_all(
        (row["lon"], row["lat"]),
        [(one["service_code"], one["agency_code"], one["code"]) for one in choices],
        hour=snapshot.city.hour_of(moment.now),
    )
    found = []
    for one, station in zip(choices, stations, strict=True):
        part = parts.get((one["service_code"], one["jurisdiction_id"]))
        held = -1 if part is None else STRENGTH[AssignmentRole(part["role"])]
        roles = [str(role) for role in (AssignmentRole.LEAD, AssignmentRole.SUPPORT) if STRENGTH[role] > held]
        if not roles:
            continue
        agency, service = snapshot.agencies.get(one["agency_code"]), snapshot.services.get(one["service_code"])
        seconds = station.travel_time_s if station else None
        found.append(
            (
                (order.index(one["service_code"]), seconds is None, seconds or 0.0, one["code"]),
                {
                    "jurisdiction": one["code"],
                    "name": one["name"],
                    "agency": one["agency_code"],
                    "agency_name": agency.name(language) if agency else one["agency_code"],
                    "service": one["service_code"],
                    "service_name": service.name(language) if service else one["service_code"],
                    "roles": roles,
                    "station": answers.station_place(station),
                    "travel_time_s": answers.rounded(seconds),
                    "travel_time_p90_s": answers.rounded(station.travel_time_p90_s) if station else None,
                    "calibration": answers.calibration(station.calibration_id if station else None),
                    "distance_m": answers.rounded(station.distance_m) if station else None,
                    "estimate": str(station.estimate) if station else "none",
                    "assignment": {name: part[name] for name in ("assignment_id", "role", "state")} if part else None,
                },
            )
        )
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]
