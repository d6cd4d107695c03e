"""The kernels, compiled once during set-up and kept in a folder of their own.

Numba's own cache lies beside the source and is trusted as it is. Here a cache is a folder named by everything the
machine code depends on (sources, Numba, Python, processor) with a list of its files and their digests: a folder of
another machine has another name, a damaged one does not match its list, and neither can break a start. Whatever cannot
be read or written costs time, never an answer: without a usable folder the kernels are compiled in memory.

Importing this module imports no Numba; `kernels()` does.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
import logging
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

log = logging.getLogger(__name__)

PACKAGE = "routing_engine.network.kernels"
MODULES = ("searching", "placing", "gathering", "repairing", "spreading")
LIST = "files.json"
# Folders of earlier versions that are kept: another checkout may use the same environment.
KEPT = 12
STALE_AFTER_S = 3600.0

_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Kernels:
    """The compiled modules."""

    searching: ModuleType
    placing: ModuleType
    gathering: ModuleType
    repairing: ModuleType
    spreading: ModuleType


_loaded: list[Kernels] = []


def _sources() -> list[Path]:
    return sorted((Path(__file__).parent / "kernels").glob("*.py"))


def _processor() -> str:
    """Return what the machine code is made for: the model and its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "|".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def cache_key() -> str:
    """Return the name of the folder that fits this machine, this environment and these sources."""
    digest = hashlib.sha256()
    for name in ("numba", "llvmlite", "numpy"):
        digest.update(f"{name} {version(name)}|".encode())
    digest.update(f"{sys.version}|{platform.machine()}|{_processor()}|".encode())
    for source in _sources():
        # Numba finds an entry by the source's path, and takes it only at the same time of change.
        digest.update(f"{source.resolve()}|{source.stat().st_mtime_ns}|".encode() + source.read_bytes())
    return digest.hexdigest()[:32]


def folders(state: Path | None = None) -> list[Path]:
    """Return where caches may lie, best first: in the environment, which every state shares, then in the state."""
    found = [Path(sys.prefix) / "share" / "siaga" / "kernels"]
    named = state or os.environ.get("SIAGA_STATE")
    return [*found, Path(named) / "kernels"] if named else found


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.nb?"))
    }


def _is_whole(folder: Path) -> bool:
    """Whether the folder holds exactly what was written into it."""
    try:
        listed = json.loads((folder / LIST).read_bytes())
        return bool(listed) and listed == _digests(folder)
    except (OSError, ValueError):
        return False


def _finish(folder: Path) -> None:
    (folder / LIST).write_text(json.dumps(_digests(folder), indent=0, sort_keys=True))


def _import_with(folder: Path) -> Kernels:
    import numba

    # Read when a kernel is declared, that is while its module is imported.
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        modules = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES}
    except BaseException:
        for name in [name for name in sys.modules if name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]
        raise
    finally:
        config.CACHE_DIR = before
    return Kernels(**modules)


def _usable(state: Path | None = None) -> Path | None:
    key = cache_key()
    return next((folder / key for folder in folders(state) if _is_whole(folder / key)), None)


def are_compiled(state: Path | None = None) -> bool:
    """Whether a usable cache is there (in the environment or in this state folder), without importing Numba."""
    return _usable(state) is not None


def compile_kernels() -> Path | None:
    """Compile the kernels into a cache unless a usable one is there; return its folder.

    For set-up: a process that has the kernels already compiles them again. Returns `None` when no folder can be
    written; then every process compiles in memory.
    """
    return _usable() or _compile()[0]


def _compile() -> tuple[Path | None, Kernels]:
    """Compile into the first folder that can be written; without one, in a temporary folder."""
    started = time.monotonic()
    key = cache_key()
    for parent in folders():
        try:
            parent.mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
        except OSError:
            continue
        try:
            made = _import_with(new)
            _finish(new)
            _put(new, parent / key)
        except OSError as error:
            log.warning("no room for compiled kernels in %s: %s", parent, error)
            continue
        finally:
            shutil.rmtree(new, ignore_errors=True)
        _remove_old(parent, key)
        log.info("kernels compiled in %.0f s", time.monotonic() - started)
        return parent / key, made
    log.warning("no folder for compiled kernels can be written; they are compiled in every process")
    with tempfile.TemporaryDirectory(prefix="siaga-kernels-") as folder:
        return None, _import_with(Path(folder))


def _put(new: Path, target: Path) -> None:
    """Move a finished folder to its place; one that is there and whole stays."""
    new.chmod(0o755)
    try:
        new.rename(target)
    except OSError:
        if _is_whole(target):
            return
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)


def _remove_old(parent: Path, key: str) -> None:
    finished = [folder for folder in parent.iterdir() if not folder.name.startswith(".") and folder.name != key]
    finished.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    left = [folder for folder in parent.glob(".new-*") if folder.stat().st_mtime < time.time() - STALE_AFTER_S]
    for folder in finished[KEPT - 1 :] + left:
        shutil.rmtree(folder, ignore_errors=True)


def _load() -> Kernels:
    folder = _usable()
    if folder is None:
        return _compile()[1]
    try:
        if os.access(folder, os.W_OK):
            return _import_with(folder)
        # Numba refuses a cache it could not write to; a copy serves.
        with tempfile.TemporaryDirectory(prefix="siaga-kernels-") as copy:
            shutil.copytree(folder, copy, dirs_exist_ok=True)
            return _import_with(Path(copy))
    except Exception:
        log.exception("compiled kernels in %s cannot be used; compiling them again", folder)
        shutil.rmtree(folder, ignore_errors=True)
        return _compile()[1]


def kernels() -> Kernels:
    """Return the kernels; the first call in a process imports them."""
    # Without the lock once they are there: an incident asks four times.
    if not _loaded:
        with _lock:
            if not _loaded:
                _loaded.append(_load())
    return _loaded[0]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=n_threads(), thread_name_prefix="kernels")


def n_threads() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# Threads do not survive a fork, and the child must not wait for its parent's.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)


def in_parts(run: Callable[[int, int], Any], count: int, *, least: int) -> None:
    """Call ``run(first, last)`` over 0 … count, in several threads where each has `least` to do."""
    # One incident must not pay for a look at the processors.
    if count < 2 * least or n_threads() < 2:
        run(0, count)
        return
    n_parts = min(4 * n_threads(), count // least)
    bounds = [count * i // n_parts for i in range(n_parts + 1)]
    parts = [_threads().submit(run, first, last) for first, last in itertools.pairwise(bounds)]
    for part in parts:
        part.result()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    compile_kernels()
