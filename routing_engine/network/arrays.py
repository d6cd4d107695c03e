r"""A file of named NumPy arrays and a JSON head, written at once and read by mapping it into memory.

Layout: 8 bytes ``SIAGAv1\n``, 8 bytes little-endian length of the head, the head (UTF-8 JSON), then each array at
a multiple of 64 bytes. `numpy.savez` cannot be mapped and `numpy.save` holds one array without a head; pickles are
never read.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.errors import NetworkError

MAGIC = b"SIAGAv1\n"
ALIGNMENT = 64

Array = npt.NDArray[Any]


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT


def write_arrays(path: Path, head: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write `arrays` and `head` to `path`; readers see the old file or the whole new one.

    Parameters
    ----------
    path
        Target; its folder is made if it is missing.
    head
        What JSON can hold; the key ``arrays`` is reserved.
    arrays
        Numbers or booleans of any shape, stored in C order.

    Raises
    ------
    NetworkError
        An array holds Python objects.
    """
    table = []
    position = 0
    packed = []
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise NetworkError(f"{path.name}: array {name} holds Python objects; numbers expected")
        data = np.ascontiguousarray(array).reshape(array.shape)
        position = _aligned(position)
        table.append([name, data.dtype.str, list(data.shape), position])
        packed.append((position, data))
        position += data.nbytes
    text = json.dumps({**head, "arrays": table, "n_bytes": position}, sort_keys=True).encode()
    start = _aligned(len(MAGIC) + 8 + len(text))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + len(text).to_bytes(8, "little") + text)
            for position, data in packed:
                file.write(b"\0" * (start + position - file.tell()))
                file.write(data.tobytes())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Map the file into memory, read-only.

    Returns
    -------
    tuple
        The head, and the arrays by name. They stay valid when the file is replaced or removed afterwards.

    Raises
    ------
    NetworkError
        The file is missing, of another kind or version, or cut short.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + 8)
            if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + 8:
                raise NetworkError(f"{path.name}: not a file of arrays of this version; remove it, it is made again")
            n_text = int.from_bytes(start[len(MAGIC) :], "little")
            size = os.fstat(file.fileno()).st_size
            text = file.read(n_text) if n_text < size else b""
            head = json.loads(text) if len(text) == n_text else None
            offset = _aligned(len(MAGIC) + 8 + n_text)
            if head is None or size < offset + head["n_bytes"]:
                raise NetworkError(f"{path.name}: cut short at {size} bytes; remove it, it is made again")
            whole = np.memmap(file, dtype=np.uint8, mode="r", shape=(size,)) if size else np.empty(0, np.uint8)
    except FileNotFoundError:
        raise NetworkError(f"{path.name}: no such file in {path.parent}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NetworkError(f"{path.name}: damaged head ({error}); remove it, it is made again") from error
    arrays: dict[str, Array] = {}
    for name, kind, shape, position in head.pop("arrays"):
        dtype = np.dtype(kind)
        count = int(np.prod(shape, dtype=np.int64))
        first = offset + position
        # A plain view: numpy.memmap objects carry a cost with every operation on them.
        view = whole[first : first + count * dtype.itemsize].view(np.ndarray).view(dtype).reshape(shape)
        view.flags.writeable = False
        arrays[name] = view
    return head, arrays
