"""Packages of kernels, compiled once during set-up and kept in folders of their own.

Numba's own cache lies beside the source and is trusted as it is. Here a cache is a folder named by everything the
machine code depends on (sources, Numba, Python, processor) with a list of its files and their digests: a folder of
another machine has another name, a damaged one does not match its list, and neither can break a start. Whatever cannot
be read or written costs time, never an answer: without a usable folder the kernels are compiled in memory.

A package of kernels is a folder of modules that declare their functions by `gis.kernel_kinds`. Each package has a
cache of its own, so that a process loads only those it uses. Importing this module imports no Numba;
`KernelPackage.load` does.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import logging
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

log = logging.getLogger(__name__)

LIST = "files.json"
# Folders of earlier versions that are kept: another checkout may use the same environment.
KEPT = 24
STALE_AFTER_S = 3600.0
KINDS = Path(__file__).with_name("kernel_kinds.py")

# One for all packages: Numba has one setting of the folder.
_lock = threading.Lock()
_loaded: dict[str, dict[str, ModuleType]] = {}


@dataclass(frozen=True)
class KernelPackage:
    """A package of kernels by its full name, such as ``zones.kernels``."""

    name: str

    def load(self) -> dict[str, ModuleType]:
        """Return the modules by name; the first call in a process imports or compiles them."""
        with _lock:
            if self.name not in _loaded:
                _loaded[self.name] = self._load()
            return _loaded[self.name]

    def is_compiled(self, state: Path | None = None) -> bool:
        """Whether a usable cache is there (in the environment or in this state folder), without importing Numba."""
        return self._usable(state) is not None

    def compile(self) -> Path | None:
        """Compile into a cache unless a usable one is there; return its folder.

        For set-up: a process that has the kernels already compiles them again. Returns `None` when no folder can be
        written; then every process compiles in memory.
        """
        return self._usable() or self._compile()[0]

    def cache_key(self) -> str:
        """Return the name of the folder that fits this machine, this environment and these sources."""
        digest = hashlib.sha256()
        for name in ("numba", "llvmlite", "numpy"):
            digest.update(f"{name} {version(name)}|".encode())
        digest.update(f"{sys.version}|{platform.machine()}|{_processor()}|".encode())
        for source in (*self._sources(), KINDS):
            # Numba finds an entry by the source's path, and takes it only at the same time of change.
            digest.update(f"{source.resolve()}|{source.stat().st_mtime_ns}|".encode() + source.read_bytes())
        return f"{self.name}-{digest.hexdigest()[:32]}"

    def _sources(self) -> list[Path]:
        spec = importlib.util.find_spec(self.name)
        folders = spec.submodule_search_locations if spec else None
        if not folders:
            raise ModuleNotFoundError(f"{self.name}: no such package of kernels")
        return sorted(Path(folders[0]).glob("*.py"))

    def _usable(self, state: Path | None = None) -> Path | None:
        key = self.cache_key()
        return next((folder / key for folder in folders(state) if _is_whole(folder / key)), None)

    def _import_with(self, folder: Path) -> dict[str, ModuleType]:
        import numba

        # Read when a kernel is declared, that is while its module is imported.
        config: Any = numba.config
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        names = [source.stem for source in self._sources() if source.stem != "__init__"]
        try:
            return {name: importlib.import_module(f"{self.name}.{name}") for name in names}
        except BaseException:
            for name in [name for name in sys.modules if name.startswith(f"{self.name}.")]:
                del sys.modules[name]
            raise
        finally:
            config.CACHE_DIR = before

    def _compile(self) -> tuple[Path | None, dict[str, ModuleType]]:
        """Compile into the first folder that can be written; without one, in a temporary folder."""
        started = time.monotonic()
        key = self.cache_key()
        for parent in folders():
            try:
                parent.mkdir(parents=True, exist_ok=True)
                new = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
            except OSError:
                continue
            try:
                made = self._import_with(new)
                _finish(new)
                _put(new, parent / key)
            except OSError as error:
                log.warning("no room for compiled kernels in %s: %s", parent, error)
                continue
            finally:
                shutil.rmtree(new, ignore_errors=True)
            _remove_old(parent, key)
            log.info("%s compiled in %.0f s", self.name, time.monotonic() - started)
            return parent / key, made
        log.warning("no folder for compiled kernels can be written; they are compiled in every process")
        with tempfile.TemporaryDirectory(prefix="siaga-kernels-") as folder:
            return None, self._import_with(Path(folder))

    def _load(self) -> dict[str, ModuleType]:
        folder = self._usable()
        if folder is None:
            return self._compile()[1]
        try:
            if os.access(folder, os.W_OK):
                return self._import_with(folder)
            # Numba refuses a cache it could not write to; a copy serves.
            with tempfile.TemporaryDirectory(prefix="siaga-kernels-") as copy:
                shutil.copytree(folder, copy, dirs_exist_ok=True)
                return self._import_with(Path(copy))
        except Exception:
            log.exception("compiled kernels in %s cannot be used; compiling them again", folder)
            shutil.rmtree(folder, ignore_errors=True)
            return self._compile()[1]


def folders(state: Path | None = None) -> list[Path]:
    """Return where caches may lie, best first: in the environment, which every state shares, then in the state."""
    found = [Path(sys.prefix) / "share" / "siaga" / "kernels"]
    named = state or os.environ.get("SIAGA_STATE")
    return [*found, Path(named) / "kernels"] if named else found


def _processor() -> str:
    """Return what the machine code is made for: the model and its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "|".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


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


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for package_name in sys.argv[1:]:
        KernelPackage(package_name).compile()
