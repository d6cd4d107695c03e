"""Where compiled kernels come from; what is damaged, foreign or not writable never breaks a start."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gis import compiled
from gis.compiled import KernelPackage
from gis.settings import ROOT
from gis.threads import in_parts
from ops.preparation import KERNEL_PACKAGES

PACKAGE = KernelPackage("routing_engine.network.kernels")


def in_a_process(code):
    """Run `code` in a Python of its own; returns what it printed."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def cache(tmp_path):
    """A copy of a whole cache, under its name."""
    PACKAGE.load()
    PACKAGE.compile()
    key = PACKAGE.cache_key()
    there = next(folder / key for folder in compiled.folders() if (folder / key).is_dir())
    return Path(shutil.copytree(there, tmp_path / key))


def test_importing_the_network_or_the_boundaries_imports_no_numba():
    network = "drives routes closures fields graph store snapping compiled".split()
    modules = [f"routing_engine.network.{name}" for name in network]
    modules += ["zones.matching_batch", "zones.index_files", "zones.borders", "ops.preparation"]
    lines = "; ".join(f"import {name}" for name in modules)
    said = in_a_process(
        f"import sys; {lines}; print(sorted({{'numba', 'llvmlite', 'scipy.sparse'}} & set(sys.modules)))"
    )
    assert said.strip() == "[]"


def test_a_whole_cache_is_known_by_its_list(cache, monkeypatch):
    monkeypatch.setattr(compiled, "folders", lambda state=None: [cache.parent])
    assert PACKAGE.is_compiled()
    assert PACKAGE.compile() == cache


@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "added", "no list", "bad list", "empty"])
def test_a_damaged_cache_is_not_used(cache, monkeypatch, harm):
    monkeypatch.setattr(compiled, "folders", lambda state=None: [cache.parent])
    file = sorted(cache.rglob("*.nbc"))[0]
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:100])
    elif harm == "changed":
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif harm == "missing":
        file.unlink()
    elif harm == "added":
        file.with_name("strange.nbi").write_bytes(b"x")
    elif harm == "no list":
        (cache / compiled.LIST).unlink()
    elif harm == "bad list":
        (cache / compiled.LIST).write_text("{")
    else:
        shutil.rmtree(cache)
        cache.mkdir()
        (cache / compiled.LIST).write_text(json.dumps({}))
    assert not PACKAGE.is_compiled()


def test_another_machine_or_source_has_another_name(monkeypatch):
    name = PACKAGE.cache_key()
    assert PACKAGE.cache_key() == name
    monkeypatch.setattr(compiled, "_processor", lambda: "another")
    assert PACKAGE.cache_key() != name


def test_every_package_of_kernels_is_compiled_in_set_up_and_has_a_cache_of_its_own():
    folders = [folder for name in ("gis", "zones", "routing_engine") for folder in (ROOT / name).rglob("kernels")]
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders if (folder / "__init__.py").exists()}
    assert found == set(KERNEL_PACKAGES)
    assert len({KernelPackage(name).cache_key() for name in found}) == len(found)


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(ModuleNotFoundError, match=r"gis\.nothing"):
        KernelPackage("gis.nothing").load()


def test_a_finished_cache_takes_its_place_and_old_ones_go(tmp_path):
    for i in range(compiled.KEPT + 3):
        (tmp_path / f"old{i}").mkdir()
    new = tmp_path / ".new-1"
    new.mkdir()
    (new / "a.nbi").write_bytes(b"1")
    compiled._finish(new)
    compiled._put(new, tmp_path / "key")
    assert compiled._is_whole(tmp_path / "key")
    # Another process was faster, or what was there is damaged.
    again = tmp_path / ".new-2"
    again.mkdir()
    (again / "a.nbi").write_bytes(b"2")
    compiled._finish(again)
    compiled._put(again, tmp_path / "key")
    assert (tmp_path / "key" / "a.nbi").read_bytes() == b"1"
    (tmp_path / "key" / "a.nbi").write_bytes(b"")
    compiled._put(again, tmp_path / "key")
    assert (tmp_path / "key" / "a.nbi").read_bytes() == b"2"
    compiled._remove_old(tmp_path, "key")
    assert len(list(tmp_path.iterdir())) == compiled.KEPT
    assert (tmp_path / "key").is_dir()


def test_a_cache_that_cannot_be_written_is_copied(cache):
    code = f"""
import os, pathlib
from gis import compiled
from routing_engine.network.compiled import kernels
compiled.folders = lambda state=None: [pathlib.Path({str(cache.parent)!r})]
os.access = lambda path, mode: False
print(len(kernels().placing.place.stats.cache_hits))
"""
    assert in_a_process(code).strip() == "1"


@pytest.mark.slow
def test_without_a_folder_kernels_are_compiled_in_memory(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    package = tmp_path / "one_kernel"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "adding.py").write_text(
        "from gis.kernel_kinds import f8, kernel\n\n\n@kernel(f8, f8, f8)\ndef add(a, b):\n    return a + b\n"
    )
    code = f"""
import pathlib, sys
sys.path.insert(0, {str(tmp_path)!r})
from gis import compiled
compiled.folders = lambda state=None: [pathlib.Path({str(blocked)!r}) / "kernels"]
adding = compiled.KernelPackage("one_kernel").load()["adding"]
print(adding.add(1.5, 2.0), len(adding.add.signatures))
"""
    assert in_a_process(code).split() == ["3.5", "1"]


@pytest.mark.parametrize(("count", "least"), [(0, 1), (1, 1), (7, 1), (1000, 3), (1000, 5000)])
def test_parts_cover_everything_once(count, least):
    done = np.zeros(count, np.int64)

    def run(first, last):
        done[first:last] += 1

    in_parts(run, count, least=least)
    assert (done == 1).all()


def test_faults_in_a_part_are_not_lost():
    def run(first, last):
        raise ValueError(f"{first}")

    with pytest.raises(ValueError, match=r"\d"):
        in_parts(run, 100, least=1)
