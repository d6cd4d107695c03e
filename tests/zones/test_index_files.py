"""Point indexes on disk: mapped as they were written, refused when a byte differs."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import shapely

from gis.errors import DataError
from gis.settings import ROOT
from tests.zones.test_point_index import frame_of
from zones.index_files import HEAD, open_index, save_index
from zones.point_index import build_index


@pytest.fixture
def index():
    rng = np.random.default_rng(5)
    centres = rng.uniform((122, -5), (123, -4), (12, 2))
    return build_index(frame_of([shapely.Point(*centre).buffer(0.2) for centre in centres]))


@pytest.fixture
def points():
    return np.random.default_rng(6).uniform((122, -5), (123, -4), (5_000, 2)).T


def test_an_opened_index_is_mapped_read_only_and_answers_the_same(index, points, tmp_path):
    save_index(index, tmp_path / "police")
    opened = open_index(tmp_path / "police")
    assert np.array_equal(opened.match(*points), index.match(*points))
    assert (opened.codes, opened.agencies, opened.priorities) == (index.codes, index.agencies, index.priorities)
    assert isinstance(opened.fine.base, np.memmap)
    assert not opened.fine.flags.writeable


def test_another_process_opens_it(index, points, tmp_path):
    save_index(index, tmp_path / "police")
    np.save(tmp_path / "points.npy", np.array(points))
    code = f"""
import pathlib, numpy
from zones.index_files import open_index
found = open_index(pathlib.Path({str(tmp_path / "police")!r})).match(*numpy.load({str(tmp_path / "points.npy")!r}))
print(int(found.sum()))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == int(index.match(*points).sum())


def test_a_newer_index_takes_the_place_of_one_in_use(index, points, tmp_path):
    save_index(index, tmp_path / "police")
    opened = open_index(tmp_path / "police")
    save_index(build_index(frame_of([shapely.box(0, 0, 1, 1)])), tmp_path / "police")
    assert open_index(tmp_path / "police").match([0.5], [0.5]).tolist() == [0]
    assert np.array_equal(opened.match(*points), index.match(*points))
    assert [entry.name for entry in tmp_path.iterdir()] == ["police"]


@pytest.mark.parametrize("harm", ["byte", "cut", "missing", "head", "code", "version", "no head", "other dtype"])
def test_a_damaged_index_is_refused(index, tmp_path, harm):
    folder = tmp_path / "police"
    save_index(index, folder)
    head, fine = folder / HEAD, folder / "fine.npy"
    if harm == "byte":
        data = bytearray(fine.read_bytes())
        data[-5] ^= 1
        fine.write_bytes(data)
    elif harm == "cut":
        fine.write_bytes(fine.read_bytes()[:-100])
    elif harm == "missing":
        fine.unlink()
    elif harm == "head":
        head.write_text("{")
    elif harm == "code":
        head.write_text(head.read_text().replace('"001"', '"999"'))
    elif harm == "version":
        head.write_text(json.dumps({**json.loads(head.read_text()), "version": 99}))
    elif harm == "no head":
        head.unlink()
    else:
        np.save(fine, np.load(fine).astype(np.int64))
    with pytest.raises(DataError, match="build"):
        open_index(folder)
