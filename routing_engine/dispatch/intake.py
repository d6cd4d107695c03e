"""The path of a report: checked, placed, matched, dispatched and recorded in one transaction, or not at all.

The caller opens the transaction and commits it; an answer returned after the commit survives anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, text

from gis.actors import Actor
from gis.errors import ConflictError, ValueRefused
from gis.ids import uuid7
from gis.messages import message
from gis.places import find_place
from gis.reports import ReportInput, body_digest, check_key, parse_report
from gis.words import ENDED, NO_INCIDENT, Classification, IncidentStatus, Lane, LocationMethod, Origin, Role
from routing_engine.dispatch import answers, assignments, duplicates, filing, revision
from routing_engine.dispatch.callers import country_of, normal_phone
from routing_engine.dispatch.context import Context, IncidentType, Moment
from routing_engine.dispatch.decision import decide
from routing_engine.dispatch.incidents import incident_row, stored_assignments
from zones.jurisdictions import BOUNDARY_LOCK

DEFAULT_RETENTION_DAYS = 365

# A second call with the same key waits here until the first has committed, and then finds its answer.
LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(:scope, 112)), pg_advisory_xact_lock_shared(:boundaries)"
).execution_options(prepared=True)

STORED = text(
    "SELECT body_hash, answer FROM siaga.report WHERE owner = :owner AND idempotency_key = :key"
).execution_options(prepared=True)


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The stored answer, and whether this call stored it (201) or an earlier one did (200)."""

    answer: dict[str, Any]
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a report is: EPSG:4326 degrees, radius of uncertainty in metres, how it was found."""

    lon: float
    lat: float
    accuracy_m: float
    method: str


def accept(tx: Connection, context: Context, body: Any, *, actor: Actor, key: str, language: str) -> Accepted:
    """Take one report through the whole path.

    Parameters
    ----------
    body
        Decoded JSON of the report, as the contract has it.
    key
        Idempotency key, 1 to 255 printable ASCII characters, unique per `actor.owner`.
    language
        `id` or `en`: of the answer and of refusals.

    Raises
    ------
    ForbiddenError
        The actor may not report.
    ValueRefused
        With every finding.
    ConflictError
        The key was used with another body.
    """
    actor.require(Role.INTAKE, Role.OPERATOR, Role.SUPERVISOR)
    check_key(key, language)
    if not isinstance(body, dict):
        raise ValueRefused.of("", message("wrong_type", language, expected="object"))
    digest = body_digest(body)
    tx.execute(LOCK, {"scope": f"{actor.owner}\x1f{key}", "boundaries": BOUNDARY_LOCK})
    known = tx.execute(STORED, {"owner": actor.owner, "key": key}).one_or_none()
    if known is not None:
        if bytes(known.body_hash) != digest:
            raise ConflictError(message("key_other_body", language))
        return Accepted(answer=known.answer, is_new=False)
    moment = context.current(tx)
    given = parse_report(
        body,
        city=moment.snapshot.city,
        types=moment.snapshot.types,
        now=moment.now,
        default_channel=actor.channel,
        language=language,
    )
    filing = _Filing(
        tx=tx, moment=moment, given=given, actor=actor, key=key, digest=digest, language=language, report_id=uuid7()
    )
    return Accepted(answer=filing.run(), is_new=True)


def lane_classification(lane: str | None) -> Classification:
    """Return what an incident of a lane is unless somebody says otherwise."""
    return Classification.SERVICE if lane == Lane.L else Classification.EMERGENCY


@dataclass(kw_only=True)
class _Filing:
    """One report on its way through the transaction."""

    tx: Connection
    moment: Moment
    given: ReportInput
    actor: Actor
    key: str
    digest: bytes
    language: str
    report_id: str

    def run(self) -> dict[str, Any]:
        kind = self.moment.snapshot.types[self.given.type_code]
        if not kind.is_incident or self.given.classification in NO_INCIDENT:
            return self._store_without_incident(kind)
        located = self._locate()
        if self.given.attach_to:
            return self._attach(kind, located)
        return self._open(kind, located)

    @property
    def _now(self) -> datetime:
        return self.moment.now

    @cached_property
    def _phone(self) -> str:
        given = self.given.caller
        country = country_of(self.moment.snapshot.city)
        return normal_phone(given.phone, country) if given and given.phone else ""

    def _locate(self) -> Located:
        given = self.given
        if given.lon is not None and given.lat is not None:
            return Located(
                lon=given.lon,
                lat=given.lat,
                accuracy_m=given.accuracy_m or 0.0,
                method=given.location_method or LocationMethod.MAP,
            )
        found = find_place(self.tx, given.location_text, limit=4)
        if not found or found[0].score < 0.45:
            names = ", ".join(place.name for place in found)
            hint = message("place_hint" if names else "place_hint_map", self.language, names=names)
            raise ValueRefused.of(
                "location_text", message("place_unknown", self.language), hint, value=given.location_text
            )
        return Located(
            lon=found[0].lon,
            lat=found[0].lat,
            accuracy_m=max(found[0].accuracy_m, given.accuracy_m or 0.0),
            method=given.location_method or LocationMethod.LANDMARK,
        )

    def _store_without_incident(self, kind: IncidentType) -> dict[str, Any]:
        classification = self.given.classification or kind.classification or Classification.INFORMATION
        answer = answers.report_answer(
            report_id=self.report_id,
            incident=None,
            classification=classification,
            is_drill=self.given.is_drill,
            admin={"kelurahan": [], "kecamatan": []},
            assignments=[],
            question=None,
            handoff=None,
            duplicates=[],
            received_at=self._now,
            language=self.language,
        )
        self._write(classification, answer, located=None)
        return answer

    def _open(self, kind: IncidentType, located: Located) -> dict[str, Any]:
        given, now, snapshot = self.given, self._now, self.moment.snapshot
        severity = given.severity or kind.severity or 4
        decision = decide(
            self.tx,
            self.moment,
            lon=located.lon,
            lat=located.lat,
            accuracy_m=located.accuracy_m,
            type_code=kind.code,
            severity=severity,
            facts=given.facts,
            language=self.language,
        )
        origin = Origin.DRILL if given.is_drill else Origin.LIVE
        said = f"{given.description} {given.location_text}"
        similar = duplicates.find(
            self.tx,
            snapshot,
            lon=located.lon,
            lat=located.lat,
            accuracy_m=located.accuracy_m,
            kind=kind,
            said=said,
            phone=self._phone,
            origin=origin,
            now=now,
        )
        is_dispatched = any(duty.winner for duty in decision.duties)
        classification = given.classification or kind.classification or lane_classification(kind.lane)
        number = self.tx.execute(text("SELECT nextval('siaga.incident_number')")).scalar_one()
        status = IncidentStatus.DISPATCHED if is_dispatched else IncidentStatus.VERIFIED
        # What agencies are told, and what the answer shows.
        opened: dict[str, Any] = {
            "incident_id": uuid7(),
            "number": f"{snapshot.city.number_prefix}-{number:04d}",
            "type": kind.code,
            "lane": kind.lane,
            "severity": severity,
            "status": status,
            "lon": located.lon,
            "lat": located.lat,
            "accuracy_m": located.accuracy_m,
            "location_text": given.location_text,
            "description": given.description,
            "received_at": now.isoformat(),
            "origin": str(origin),
        }
        planned = assignments.plan(decision, opened["incident_id"])
        answer = answers.report_answer(
            report_id=self.report_id,
            incident=opened,
            classification=classification,
            is_drill=origin == Origin.DRILL,
            admin=answers.admin(decision),
            assignments=[answers.written_answer(row, snapshot, self.language) for row in planned],
            question=decision.question,
            handoff=decision.handoff_in(self.language),
            duplicates=[item.as_dict() for item in similar],
            received_at=now,
            language=self.language,
        )
        row = {
            **{name: opened[name] for name in opened if name not in ("type", "received_at")},
            "type_code": kind.code,
            "classification": classification,
            "location_method": located.method,
            "facts": given.facts.as_dict(),
            "handoff": decision.handoff,
            "occurred_at": given.occurred_at or now,
        }
        self._write(
            classification,
            answer,
            located=located,
            incident_id=opened["incident_id"],
            incident=row,
            areas=assignments.area_rows(decision, opened["incident_id"]),
            event={"kind": "report", "version": 1, "detail": {"report_id": self.report_id, "gaps": decision.gaps}},
        )
        assignments.write(self.tx, snapshot, decision, opened, planned, now=now)
        return answer

    def _attach(self, kind: IncidentType, located: Located) -> dict[str, Any]:
        """Join the report to an open incident: nothing is dropped, and a worse repeat raises the severity."""
        target = incident_row(self.tx, self.given.attach_to or "", lock=True)
        if target is None:
            reason, hint = (message(key, self.language) for key in ("attach_unknown", "attach_unknown_hint"))
            raise ValueRefused.of("attach_to", reason, hint, value=self.given.attach_to)
        if target["status"] in ENDED:
            raise ValueRefused.of("attach_to", message("attach_ended", self.language), value=self.given.attach_to)
        if self.given.is_drill != (target["origin"] == Origin.DRILL):
            raise ValueRefused.of("attach_to", message("attach_drill", self.language), value=self.given.attach_to)
        changed = revision.raise_incident(
            self.tx,
            self.moment,
            target,
            severity=min(target["severity"], self.given.severity or 4),
            facts=self.given.facts,
            n_more_reports=1,
            actor=self.actor,
            language=self.language,
        )
        classification = self.given.classification or target["classification"]
        shown = {**target, **changed, "type": target["type_code"]}
        answer = answers.report_answer(
            report_id=self.report_id,
            incident=shown,
            classification=classification,
            is_drill=target["origin"] == Origin.DRILL,
            admin=changed["admin"],
            assignments=[
                answers.stored_assignment(row, self.language)
                for row in stored_assignments(self.tx, target["incident_id"])
            ],
            question=None,
            handoff=target["handoff"],
            duplicates=[],
            received_at=self._now,
            language=self.language,
        )
        self._write(
            classification,
            answer,
            located=located,
            incident_id=target["incident_id"],
            event={
                "kind": "attach",
                "version": changed["version"],
                "detail": {"report_id": self.report_id, "type": kind.code, "severity": changed["severity"]},
            },
        )
        return answer

    def _write(
        self,
        classification: str,
        answer: dict[str, Any],
        *,
        located: Located | None,
        incident_id: str | None = None,
        incident: dict[str, Any] | None = None,
        areas: Sequence[dict[str, Any]] = (),
        event: dict[str, Any] | None = None,
    ) -> None:
        """Write the report with what belongs to it."""
        given, now = self.given, self._now
        if located is None and given.lon is not None and given.lat is not None:
            located = Located(
                lon=given.lon, lat=given.lat, accuracy_m=given.accuracy_m or 0.0, method=LocationMethod.MAP
            )
        caller = None
        if given.caller is not None:
            days = self.moment.snapshot.city.settings.get("caller_retention_days", DEFAULT_RETENTION_DAYS)
            caller = {
                "report_id": self.report_id,
                "phone": self._phone or None,
                "name": given.caller.name,
                "relation": given.caller.relation,
                "expires_at": now + timedelta(days=days),
            }
        filing.write_report(
            self.tx,
            now=now,
            actor=self.actor.name,
            actor_role=self.actor.role,
            report={
                "report_id": self.report_id,
                "owner": self.actor.owner,
                "idempotency_key": self.key,
                "body_hash": self.digest.hex(),
                "incident_id": incident_id,
                "type_code": given.type_code,
                "classification": classification,
                "channel": given.channel,
                "call_id": given.call_id,
                "lon": located.lon if located else None,
                "lat": located.lat if located else None,
                "accuracy_m": located.accuracy_m if located else None,
                "location_method": located.method if located else None,
                "location_text": given.location_text,
                "description": given.description,
                "facts": given.facts.as_dict(),
                "is_drill": given.is_drill,
                "occurred_at": given.occurred_at or now,
                "answer": answer,
            },
            incident=incident,
            areas=areas,
            event={**event, "incident_id": incident_id} if event else None,
            caller=caller,
        )
