"""Run work on untrusted files in a process that may be lost: limited in memory, time and what it may write.

Geometry from outside can hang GEOS or GDAL or make them crash, and neither can be interrupted from within. So whatever
looks at it runs here, and the process that asked gets JSON and plain WKB, or the word that its helper was stopped.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

log = logging.getLogger(__name__)

MEMORY_BYTES = 3 * 1024**3
CPU_S = 60
WALL_S = 90
FILE_BYTES = 400 * 1024**2
NICENESS = 10  # an incident's report comes first


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a child left: its last saved answer, and why it ended early (empty if it did not)."""

    answer: dict[str, Any] | None
    stopped: str


def run(
    module: str,
    request: dict[str, Any],
    *,
    folder: Path,
    driver: str = "",
    frames: dict[str, gpd.GeoDataFrame] | None = None,
) -> Outcome:
    """Run ``python -m module`` in `folder` and return what it saved.

    Parameters
    ----------
    request
        JSON the child finds as `request.json`.
    folder
        Empty, and the caller's own; the child writes nothing elsewhere.
    driver
        The one GDAL driver that exists in the child. Content may claim another format than the file's ending (an OGR
        VRT that reads further files, a service's address).
    frames
        Trusted frames the child finds by `take_frame(name)`.
    """
    for name, frame in (frames or {}).items():
        put_frame(folder / f"{name}.parquet", frame)
    limits = {"memory_bytes": MEMORY_BYTES, "cpu_s": CPU_S, "file_bytes": FILE_BYTES}
    (folder / "request.json").write_text(json.dumps(request | {"limits": limits}))
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        "TMPDIR": str(folder),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OGR_SKIP": ",".join(name for name in pyogrio.list_drivers() if name != driver),
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    }
    complaint = folder / "complaint.txt"
    try:
        with complaint.open("wb") as errors:
            done = subprocess.run(
                [sys.executable, "-m", module],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=WALL_S,
                check=False,
            )
        stopped = ""
        if done.returncode != 0:
            why = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
            stopped = f"the reader stopped ({why}); the file is damaged or too complex"
            said = complaint.read_bytes()[-500:].decode("utf-8", "replace").strip().splitlines()
            log.info("%s stopped (%s): %s", module, why, said[-1] if said else "without a word")
    except subprocess.TimeoutExpired:
        stopped = f"reading took longer than {WALL_S} s and was stopped"
    answer = folder / "answer.json"
    return Outcome(answer=json.loads(answer.read_text()) if answer.exists() else None, stopped=stopped)


def begin() -> dict[str, Any]:
    """Begin a child: return what it was asked, once it may take no more memory, time and disk than it was given."""
    request: dict[str, Any] = json.loads(Path("request.json").read_text())
    limits = request.pop("limits")
    for what, most in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(NICENESS)
    return request


def save_answer(answer: dict[str, Any]) -> None:
    """Save, in a child, what is known so far; whole or not at all, so that a later death leaves it readable."""
    draft = Path("answer.draft")
    draft.write_text(json.dumps(answer))
    draft.replace("answer.json")


def put_frame(path: Path, frame: gpd.GeoDataFrame) -> None:
    """Write a frame as Parquet: its columns, and the geometry as WKB."""
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    table["__wkb"] = shapely.to_wkb(frame.geometry.to_numpy())
    draft = path.with_suffix(".draft")
    table.to_parquet(draft, index=False)
    draft.replace(path)


def take_frame(path: Path) -> gpd.GeoDataFrame | None:
    """Return the frame of `put_frame` in EPSG:4326, `None` if there is none."""
    if not path.exists():
        return None
    table = pd.read_parquet(path)
    geometry = shapely.from_wkb(table.pop("__wkb").to_numpy())
    for name in table.columns:  # what is missing is None, in texts as in frames made of the database
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].astype(object).where(table[name].notna(), None)
    return gpd.GeoDataFrame(table, geometry=geometry, crs=4326)
