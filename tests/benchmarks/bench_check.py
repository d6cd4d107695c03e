"""Checking hostile files of boundaries while reports come in: what the callers of that minute feel of it.

The files are checked as a user does it, by ``./siaga import boundaries … --dry-run``, one after the other; each must be
refused. Beside it the same reports at the same rate on the same installation with nobody checking anything.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ops.bench import BenchRow
from ops.exits import REFUSED
from tests.benchmarks import reports
from tests.benchmarks.sending import Sent, send
from tests.faults.installation import Installation, installed

SEED = 40_417
RATE = 20
SECONDS = 60
MB = 1024**2


def polygon(ring: Any) -> dict[str, Any]:
    """Return a GeoJSON polygon of one ring ``(n, 2)``, EPSG:4326 degrees, closed here."""
    points = np.asarray(ring, dtype=np.float64)
    return {"type": "Polygon", "coordinates": [np.vstack([points, points[:1]]).round(6).tolist()]}


def collection(path: Path, geometries: list[dict[str, Any]]) -> None:
    """Write geometries as a FeatureCollection with codes and names."""
    features = [
        {"type": "Feature", "properties": {"code": f"X{i}", "name": f"Wilayah {i}"}, "geometry": geometry}
        for i, geometry in enumerate(geometries)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def hostile(folder: Path) -> list[Path]:
    """Write what attackers and unlucky people send; return the files."""
    turn = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    circle = np.column_stack([np.cos(turn), np.sin(turn)]) * 0.02 + (122.52, -3.98)
    rng = np.random.default_rng(SEED)
    collection(folder / "ring.geojson", [polygon(circle)])
    collection(folder / "tangle.geojson", [polygon(rng.uniform((122.4, -4.1), (122.6, -3.9), (1_500, 2)))])
    collection(folder / "crowd.geojson", [polygon(circle[::500] + rng.normal(0, 0.02, 2)) for _ in range(600)])
    collection(folder / "large.geojson", [polygon(circle[::200] + rng.normal(0, 0.05, 2)) for _ in range(2_800)])
    (folder / "deep.geojson").write_text("[" * 5 * MB)
    (folder / "dressed.geojson").write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
        "</OGRVRTDataSource>"
    )
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for ending in ("shp", "shx", "dbf"):
            archive.writestr(f"a.{ending}", bytes(300 * MB))
    return sorted(folder.iterdir())


def check_all(here: Installation, files: list[Path], is_over: threading.Event, seconds: dict[str, list[float]]) -> None:
    """Check the files in turn until the reports are sent; keep how long each took."""
    while not is_over.is_set():
        for file in files:
            started = time.monotonic()
            done = here.siaga(
                *("import", "boundaries", str(file), "--agency", "POL", "--service", "police"),
                *("--code-field", "code", "--dry-run"),
            )
            assert done.returncode == REFUSED, f"{file.name}: exit {done.returncode}\n{done.stderr[-2000:]}"
            seconds.setdefault(file.name, []).append(time.monotonic() - started)
            if is_over.is_set():
                return


def run() -> list[BenchRow]:
    """Send reports alone, then while the files are checked; return the rows."""
    load = os.getloadavg()[0]
    seconds: dict[str, list[float]] = {}
    with installed() as here, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        files = hostile(Path(folder))
        here.start()
        token = here.token("intake")
        first, alone_, meanwhile = (
            reports.draw(n, seed=SEED + i, prefix="check") for i, n in enumerate([200, RATE * SECONDS, RATE * SECONDS])
        )
        send(here.api_port, first, token=token, rate=RATE)  # connections, caches
        alone = send(here.api_port, alone_, token=token, rate=RATE)
        is_over = threading.Event()
        failed: list[BaseException] = []

        def checking() -> None:
            try:
                check_all(here, files, is_over, seconds)
            except BaseException as error:
                failed.append(error)

        checker = threading.Thread(target=checking)
        checker.start()
        try:
            during = send(here.api_port, meanwhile, token=token, rate=RATE)
        finally:
            is_over.set()
            checker.join()
        if failed:
            raise failed[0]
        assert not alone.refused, alone.refused
        assert not during.refused, during.refused
        sizes = {file.name: file.stat().st_size for file in files}
    return [*intake_rows(alone, during, load), *file_rows(seconds, sizes)]


def intake_rows(alone: Sent, during: Sent, load: float) -> list[BenchRow]:
    """Put the waiting times with and without a check beside each other."""
    return [
        BenchRow(
            name=f"intake {name} while files are checked",
            size=f"{RATE}/s for {SECONDS} s, open loop",
            ours=during.percentile(q),
            unit="ms",
            peer="nobody checks",
            peer_value=alone.percentile(q),
            ratio=alone.percentile(q) / during.percentile(q),
            note=f"load {load:.1f} before" if q == 50 else "",
        )
        for name, q in (("p50", 50), ("p99", 99), ("max", 100))
    ]


def file_rows(seconds: dict[str, list[float]], sizes: dict[str, int]) -> list[BenchRow]:
    """Say how long each file's refusal took, the command's start included."""
    return [
        BenchRow(
            name=f"refusing {name}",
            size=f"{sizes[name] / MB:.1f} MB",
            ours=float(np.median(took)),
            unit="s",
            note=f"{len(took)} times",
        )
        for name, took in sorted(seconds.items())
    ]
