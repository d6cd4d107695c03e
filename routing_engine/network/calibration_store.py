"""Calibrations in the database: one in force per profile, as long as the model it was made on is the one in use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, insert, select, update

from routing_engine.network.calibration import Calibration
from routing_engine.network.graph import FORMAT
from routing_engine.network.profiles import PROFILES
from routing_engine.network.speeds import class_speeds, hour_bands
from routing_engine.network.store import load_speeds
from routing_engine.network.tables import road_build, travel_calibration


def model_of(speeds: pd.DataFrame, profile: str, *, is_synthetic: bool) -> str:
    """Return the name of what modelled seconds come from: rules of graph and vehicle, speeds, and the kind of roads.

    New roads of the same kind keep it: a street more does not change how crews drive. Other speeds do not.
    """
    by_band = {str(hour): class_speeds(speeds, profile, hour) for hour in hour_bands(speeds, profile)}
    vehicle = asdict(PROFILES[profile])
    inputs = {"format": FORMAT, "profile": vehicle, "is_synthetic": is_synthetic, "speeds": by_band}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def models_in_use(tx: Connection) -> dict[str, str]:
    """Return the model of each profile that has speeds; empty without roads."""
    is_synthetic = tx.execute(select(road_build.c.is_synthetic).where(road_build.c.is_current)).scalar_one_or_none()
    if is_synthetic is None:
        return {}
    speeds = load_speeds(tx)
    named = [str(name) for name in speeds["profile"].unique() if name in PROFILES]
    return {name: model_of(speeds, name, is_synthetic=is_synthetic) for name in named}


def load_calibrations(tx: Connection) -> dict[str, Calibration]:
    """Read the calibrations in force: profile → calibration. One made on another model does not count."""
    models = models_in_use(tx)
    rows = tx.execute(select(travel_calibration).where(travel_calibration.c.valid_to.is_(None))).all()
    return {
        row.profile: Calibration.from_dict(row.parameters, row.calibration_id)
        for row in rows
        if models.get(row.profile) == row.model
    }


def write_calibration(
    tx: Connection,
    calibration: Calibration,
    report: Mapping[str, Any],
    *,
    profile: str,
    source: str,
    actor: str,
    now: datetime,
) -> int:
    """Put a calibration in force from `now` on; the profile's last one ends. Returns its id."""
    before = (travel_calibration.c.profile == profile) & travel_calibration.c.valid_to.is_(None)
    tx.execute(update(travel_calibration).where(before).values(valid_to=now))
    values = {
        "profile": profile,
        "valid_from": now,
        "recorded_by": actor,
        "source": source,
        "model": models_in_use(tx)[profile],
        "n_runs": report["fitted"]["n"],
        "n_held_out": report["held_out"]["n"],
        "parameters": calibration.as_dict(),
        "report": dict(report),
    }
    made = tx.execute(insert(travel_calibration).values(**values).returning(travel_calibration.c.calibration_id))
    return int(made.scalar_one())
