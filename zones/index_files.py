"""Point indexes as folders of arrays: written whole, checked by digest, mapped into memory by any process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gis.errors import DataError
from zones.point_index import PointIndex

HEAD = "index.json"
VERSION = 1
ARRAYS = {
    "edge_xy": "<f8",
    "frame": "<f8",
    "top": "<i4",
    "block": "<i8",
    "fine": "<i4",
    "record": "<i4",
    "rows": "<i4",
}
FACTS = ("codes", "agencies", "priorities")


def save_index(index: PointIndex, folder: Path) -> None:
    """Write the index to `folder`, replacing an older one; a reader sees the old one or the new one, never a part.

    Processes that have the old one mapped keep it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        digests = {}
        for name in ARRAYS:
            np.save(new / f"{name}.npy", getattr(index, name), allow_pickle=False)
            digests[name] = hashlib.sha256((new / f"{name}.npy").read_bytes()).hexdigest()
        facts = {name: list(getattr(index, name)) for name in FACTS}
        head = {"version": VERSION, "arrays": digests, **facts}
        head["digest"] = _digest(head)
        (new / HEAD).write_text(json.dumps(head, ensure_ascii=False))
        for file in new.iterdir():
            file.chmod(0o644)
            handle = os.open(file, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        new.chmod(0o755)
        _put(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _put(new: Path, folder: Path) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    folder.rename(old / "old")
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def open_index(folder: Path) -> PointIndex:
    """Map an index from its folder, read-only, after every byte has been checked against its digest.

    Raises
    ------
    DataError
        It is missing, of another version, or damaged.
    """
    try:
        head = json.loads((folder / HEAD).read_bytes())
        if head.get("version") != VERSION or _digest(head) != head.get("digest"):
            raise DataError(f"{folder.name}: index of another version, or damaged; build it again")
        arrays: dict[str, Any] = {}
        for name, kind in ARRAYS.items():
            file = folder / f"{name}.npy"
            with file.open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != head["arrays"][name]:
                    raise DataError(f"{folder.name}: {file.name} is damaged; build the index again")
            # A plain view: numpy.memmap objects carry a cost with every operation on them.
            arrays[name] = np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
            if arrays[name].dtype != np.dtype(kind):
                raise DataError(f"{folder.name}: {file.name} holds {arrays[name].dtype}, expected {kind}")
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no point index ({Path(error.filename).name} is missing); build it") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder.name}: damaged index ({error}); build it again") from error
    facts: dict[str, Any] = {name: tuple(head[name]) for name in FACTS}
    return PointIndex(**arrays, **facts)


def _digest(head: dict[str, Any]) -> str:
    plain = {name: value for name, value in head.items() if name != "digest"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
