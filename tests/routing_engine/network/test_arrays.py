from __future__ import annotations

import numpy as np
import pytest

from gis.errors import NetworkError
from routing_engine.network.arrays import read_arrays, write_arrays


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fields" / "x.arrays"


def test_arrays_come_back_as_they_were(path):
    arrays = {
        "a": np.arange(7, dtype=np.int32),
        "b": np.array([[1.5, np.nan]], dtype=np.float32).T,
        "empty": np.empty((0, 3)),
        "flags": np.array([True, False]),
        "transposed": np.arange(6.0).reshape(2, 3).T,
    }
    write_arrays(path, {"kind": "test", "names": ["é"]}, arrays)
    head, found = read_arrays(path)
    assert head["kind"] == "test"
    assert head["names"] == ["é"]
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f")
        assert not found[name].flags.writeable


def test_replacing_leaves_what_is_mapped_and_no_rest(path):
    write_arrays(path, {}, {"a": np.zeros(1000)})
    _, old = read_arrays(path)
    write_arrays(path, {}, {"a": np.ones(1000)})
    _, new = read_arrays(path)
    assert old["a"].sum() == 0
    assert new["a"].sum() == 1000
    assert [file.name for file in path.parent.iterdir()] == ["x.arrays"]


@pytest.mark.parametrize("size", [0, 5, 12, 100, -1])
def test_damaged_files_are_named(path, size):
    write_arrays(path, {}, {"a": np.zeros(1000)})
    data = path.read_bytes()
    path.write_bytes(data[:size])
    with pytest.raises(NetworkError, match=r"x\.arrays"):
        read_arrays(path)


def test_other_files_are_refused(path):
    path.parent.mkdir()
    path.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    with pytest.raises(NetworkError, match="not a file of arrays"):
        read_arrays(path)
    path.write_bytes(b"SIAGAv1\n" + (3).to_bytes(8, "little") + b"abc" + b"\0" * 100)
    with pytest.raises(NetworkError, match="damaged head"):
        read_arrays(path)
    with pytest.raises(NetworkError, match="no such file"):
        read_arrays(path.with_name("y"))


def test_python_objects_are_refused_and_nothing_is_left(path):
    with pytest.raises(NetworkError, match="Python objects"):
        write_arrays(path, {}, {"a": np.array(["x", None], dtype=object)})
    assert not path.parent.exists()
