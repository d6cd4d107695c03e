"""The peer of the intake: what one would write in an afternoon with FastAPI and SQLAlchemy. One row, one commit.

No log-in, no duplicates, nobody decided, nobody told. Started the way the product starts its own process.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Header
from pydantic import BaseModel, Field
from sqlalchemy import Column, DateTime, Float, MetaData, Table, Text, create_engine
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData(schema="plain")
report = Table(
    "report",
    metadata,
    Column("report_id", UUID(as_uuid=False), primary_key=True),
    Column("idempotency_key", Text, unique=True, nullable=False),
    Column("type_code", Text, nullable=False, index=True),
    Column("lon", Float, nullable=False),
    Column("lat", Float, nullable=False),
    Column("accuracy_m", Float, nullable=False),
    Column("description", Text, nullable=False),
    Column("location_text", Text, nullable=False),
    Column("caller", JSONB),
    Column("received_at", DateTime(timezone=True), nullable=False, index=True),
)


class Report(BaseModel):
    """What is sent."""

    type: str = Field(max_length=20)
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    accuracy_m: float = Field(0, ge=0, le=5_000)
    description: str = Field("", max_length=4_000)
    location_text: str = Field("", max_length=200)
    caller: dict[str, Any] | None = None


def make() -> FastAPI:
    """Make the app; the database is named by the environment."""
    engine = create_engine(os.environ["PLAIN_DATABASE_URL"], pool_size=20, max_overflow=0, pool_pre_ping=True)
    app = FastAPI()

    @app.post("/v1/reports", status_code=201)
    def post(given: Report, idempotency_key: Annotated[str, Header()]) -> dict[str, str]:
        report_id = str(uuid.uuid4())
        with engine.begin() as tx:
            tx.execute(
                report.insert().values(
                    report_id=report_id,
                    idempotency_key=idempotency_key,
                    type_code=given.type,
                    lon=given.lon,
                    lat=given.lat,
                    accuracy_m=given.accuracy_m,
                    description=given.description,
                    location_text=given.location_text,
                    caller=given.caller,
                    received_at=datetime.now(UTC),
                )
            )
        return {"report_id": report_id}

    return app
