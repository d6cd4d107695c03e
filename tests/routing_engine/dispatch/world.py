"""A small world for tests of delivery: agencies, incidents and assignments, written as intake writes them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime

from geoalchemy2 import WKTElement
from sqlalchemy import Connection, insert, text
from sqlalchemy.dialects import postgresql

from gis.db import database_now
from gis.ids import uuid7
from gis.tables import incident, incident_type
from routing_engine.dispatch import clocks, outbox
from routing_engine.dispatch.ladder import LadderStep
from routing_engine.dispatch.tables import agency_channel, assignment, ladder_step
from zones.tables import agency, receipt, service

LADDER = (
    LadderStep(lane="D", severity=1, level=0, after_s=0, whom_id="meja", whom_en="desk"),
    LadderStep(lane="D", severity=1, level=1, after_s=60, whom_id="kontak kedua", whom_en="second contact"),
    LadderStep(lane="D", severity=1, level=2, after_s=120, whom_id="piket", whom_en="duty officer"),
)
_numbers = itertools.count(1)


@dataclass
class World:
    """What a test has made; `tell` does the part of intake that matters here."""

    tx: Connection
    channels: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        add = postgresql.insert
        self.tx.execute(
            add(service).values(service_code="police", name_id="Kepolisian", name_en="Police").on_conflict_do_nothing()
        )
        self.tx.execute(
            add(incident_type)
            .values(
                type_code="KAM1",
                family="KAM",
                name_id="Perkelahian",
                name_en="Brawl",
                lane="D",
                severity=1,
                is_incident=True,
                duplicate_radius_m=150,
                duplicate_minutes=30,
                words="",
                questions_id=[],
                questions_en=[],
                position=1,
            )
            .on_conflict_do_nothing()
        )
        self.tx.execute(add(ladder_step).values([vars(step) for step in LADDER]).on_conflict_do_nothing())

    def agency(self, code: str, *, webhook: str | None = None, is_vertical: bool = False) -> str:
        self.tx.execute(
            insert(agency).values(agency_code=code, name_id=f"Dinas {code}", name_en=code, is_vertical=is_vertical)
        )
        if webhook:
            self.tx.execute(insert(agency_channel).values(agency_code=code, channel="webhook", address=webhook))
            self.channels[code] = ["webhook"]
        return code

    def incident(self, *, origin: str = "live", status: str = "dispatched") -> str:
        incident_id, now = uuid7(), database_now(self.tx)
        self.tx.execute(
            insert(incident).values(
                incident_id=incident_id,
                number=f"K-{next(_numbers):04d}-{incident_id[-6:]}",
                type_code="KAM1",
                lane="D",
                severity=1,
                status=status,
                classification="emergency",
                origin=origin,
                geom=WKTElement("POINT(122.49985 -3.9962)", srid=4326),
                accuracy_m=25,
                location_method="map",
                occurred_at=now,
                received_at=now,
            )
        )
        return incident_id

    def assignment(self, incident_id: str, code: str, *, role: str = "support", state: str = "queued") -> str:
        assignment_id, receipt_id, now = uuid7(), uuid7(), database_now(self.tx)
        self.tx.execute(
            insert(receipt).values(
                receipt_id=receipt_id,
                incident_id=incident_id,
                service_code="police",
                at=now,
                boundary_set=0,
                body={},
                digest="0",
            )
        )
        self.tx.execute(insert(service).values(service_code=f"s{assignment_id}", name_id="layanan", name_en="service"))
        self.tx.execute(
            insert(assignment).values(
                assignment_id=assignment_id,
                incident_id=incident_id,
                service_code=f"s{assignment_id}",
                agency_code=code,
                role=role,
                state=state,
                match="covers",
                estimate="none",
                rule_code="KAM1/S1/police@2026-01-01",
                why_id="karena",
                why_en="because",
                receipt_id=receipt_id,
                created_at=now,
            )
        )
        return assignment_id

    def tell(
        self,
        codes: list[str],
        *,
        origin: str = "live",
        kind: str = "assignment",
        ack_s: int | None = None,
        role: str = "support",
        incident_id: str | None = None,
    ) -> dict[str, str]:
        """Make one incident with an assignment per agency and its messages; return assignment id by agency."""
        incident_id = incident_id or self.incident(origin=origin)
        made = {code: self.assignment(incident_id, code, role=role) for code in codes}
        now = database_now(self.tx)
        outbox.enqueue(
            self.tx,
            [message(code, incident_id, assignment_id, kind=kind) for code, assignment_id in made.items()],
            channels=self.channels,
            is_drill=origin == "drill",
            now=now,
        )
        if ack_s is not None:
            self.start_clocks(made, ack_s=ack_s, role=role, now=now)
        return made

    def start_clocks(self, made: dict[str, str], *, ack_s: int | None, role: str, now: datetime) -> None:
        clocks.start(
            self.tx,
            [
                {"assignment_id": assignment_id, "role": role, "ack_s": ack_s, "lane": "D", "severity": 1}
                for assignment_id in made.values()
            ],
            ladder=LADDER,
            now=now,
        )


def message(code: str, incident_id: str, assignment_id: str, *, kind: str = "assignment") -> dict:
    return {
        "agency_code": code,
        "kind": kind,
        "incident_id": incident_id,
        "assignment_id": assignment_id,
        "body": {
            "assignment": {"assignment_id": assignment_id, "agency": code, "why": "karena titik di dalam batas"},
            "incident": {"incident_id": incident_id, "description": "simpang Wua-Wua ‘ramai’ </script>"},
        },
    }


def outbox_rows(tx: Connection, code: str, channel: str) -> list:
    return tx.execute(
        text(
            "SELECT outbox_id, kind, assignment_id, attempts, delivered_at, next_attempt_at, last_error, body"
            " FROM siaga.outbox WHERE agency_code = :code AND channel = :channel ORDER BY outbox_id"
        ),
        {"code": code, "channel": channel},
    ).all()


def inbox_rows(tx: Connection, code: str) -> list:
    return tx.execute(
        text("SELECT seq, outbox_id, assignment_id FROM siaga.inbox_item WHERE agency_code = :code ORDER BY seq"),
        {"code": code},
    ).all()
