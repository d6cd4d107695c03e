"""A zipped Shapefile from outside: judged by its directory, then unpacked under names of our own."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath

MAX_ENTRIES = 100
MAX_BYTES = 200 * 1024**2
MAX_RATIO = 100
# Less than this unpacked is harmless whatever its ratio: a table of blanks packs a thousandfold.
RATIO_FROM_BYTES = 1024**2
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
PACKED = (".zip", ".kmz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz")
BLOCK = 1024**2


class ZipRefused(Exception):
    """The archive is refused; the message says why."""


def unpack_shapefile(path: Path, folder: Path) -> Path:
    """Unpack the one shapefile of an archive to `folder` as ``layer.shp`` and its companions.

    Nothing else of the archive is written, and no name in it is used as a path.

    Raises
    ------
    ZipRefused
        It is no zip file, or a bomb, holds links, further archives, passwords, no shapefile or several.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            judge(entries, path.stat().st_size)
            names = [entry.filename for entry in entries if not entry.filename.startswith("__MACOSX/")]
            shapes = [name for name in names if name.lower().endswith(".shp")]
            if len(shapes) != 1:
                raise ZipRefused(
                    f"{len(shapes)} shapefiles inside; expected exactly one .shp with its .shx, .dbf, .prj"
                )
            if ".." in PurePosixPath(shapes[0]).parts or shapes[0].startswith("/"):
                raise ZipRefused(f"{shapes[0]} points out of the archive")
            stem = shapes[0][:-4].lower()
            for name in names:
                ending = PurePosixPath(name).suffix.lower()
                if ending in PARTS and name[: -len(ending)].lower() == stem:
                    unpack(archive, name, folder / f"layer{ending}")
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise ZipRefused(f"not a zip file ({error})") from None
    return folder / "layer.shp"


def judge(entries: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    """Refuse an archive by what its directory says."""
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or total > MAX_BYTES:
        raise ZipRefused(
            f"{len(entries)} entries, {total / 1e6:,.0f} MB unpacked; more than {MAX_ENTRIES} entries"
            f" or {MAX_BYTES / 1e6:.0f} MB"
        )
    if total > RATIO_FROM_BYTES and total > MAX_RATIO * packed_bytes:
        raise ZipRefused(f"unpacks to {total / packed_bytes:,.0f} times its size; the limit is {MAX_RATIO}")
    for entry in entries:
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ZipRefused(f"{entry.filename} is a link")
        if entry.flag_bits & 0x1:
            raise ZipRefused(f"{entry.filename} needs a password")
        if entry.filename.lower().endswith(PACKED):
            raise ZipRefused(f"{entry.filename} is an archive in the archive; unpack it first")


def unpack(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    """Write one entry, and no more of it than its directory promised."""
    promised = archive.getinfo(name).file_size
    written = 0
    with archive.open(name) as source, target.open("wb") as sink:
        while block := source.read(BLOCK):
            written += len(block)
            if written > promised:
                raise ZipRefused(f"{name} is larger than the archive says")
            sink.write(block)
