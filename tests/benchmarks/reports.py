"""Reports as a call centre sends them, drawn from the demo city's own places and types."""

from __future__ import annotations

import csv
import json
import math

import numpy as np

from gis.settings import ROOT

CITY = ROOT / "data/cities/kendari"
# An earthquake is one incident for the whole city: every other report within 20 km would be its duplicate.
LEFT_OUT = {"BNC4"}
SCATTER_M = 400.0
ACCURACIES_M = (0, 0, 25, 60)  # half click the map, half name a landmark


def draw(n: int, *, seed: int, prefix: str, lanes: str = "DL") -> list[tuple[str, str]]:
    """Return `n` (idempotency key, JSON body), around named places, of every type of `lanes` alike.

    Each has a caller, a location text and a sentence, so that a report is about 400 bytes.
    """
    rng = np.random.default_rng(seed)
    with (CITY / "incident_types.csv").open(newline="") as file:
        types = [row["code"] for row in csv.DictReader(file) if row["lane"] and row["lane"] in lanes]
    types = [code for code in types if code not in LEFT_OUT]
    with (CITY / "places.csv").open(newline="") as file:
        places = [(row["name"], float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)]
    reports = []
    for i in range(n):
        name, lon, lat = places[rng.integers(len(places))]
        east, north = rng.normal(0.0, SCATTER_M, 2) / 111_320
        body = {
            "type": types[rng.integers(len(types))],
            "lon": round(lon + east / math.cos(math.radians(lat)), 6),
            "lat": round(lat + north, 6),
            "accuracy_m": ACCURACIES_M[rng.integers(len(ACCURACIES_M))],
            "location_text": f"dekat {name}"[:200],
            "description": f"Pelapor melihat kejadian di dekat {name}, minta petugas segera datang ({i}).",
            "caller": {"phone": f"0812{rng.integers(10**8):08d}", "name": "Pelapor", "relation": "saksi"},
        }
        reports.append((f"{prefix}-{seed}-{i}", json.dumps(body, ensure_ascii=False)))
    return reports
