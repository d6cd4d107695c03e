"""PostgreSQL's programs on this machine, and who runs them.

PostgreSQL refuses to run as root; the user `postgres` comes with Debian's package. Anybody else runs it as himself.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.exits import MISSING, REFUSED, CommandFailed

LIBRARIES = Path("/usr/lib/postgresql")
SHARED = Path("/usr/share/postgresql")
OLDEST = 15


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL major with PostGIS."""

    major: int

    def path(self, program: str) -> str:
        """Return the full path of a program."""
        return str(LIBRARIES / str(self.major) / "bin" / program)


def installed() -> list[Programs]:
    """Return the usable majors on this machine, newest first."""
    majors = []
    for folder in LIBRARIES.glob("[0-9]*"):
        has_server = os.access(folder / "bin" / "postgres", os.X_OK)
        if has_server and (SHARED / folder.name / "extension" / "postgis.control").exists():
            majors.append(int(folder.name))
    return [Programs(major) for major in sorted(majors, reverse=True) if major >= OLDEST]


def made_by(data: Path) -> int | None:
    """Return the major that made a data folder, `None` when there is none."""
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def programs_for(data: Path, sockets: Path) -> Programs:
    """Return the programs for a data folder: those of the major that made it, else the newest.

    Raises
    ------
    CommandFailed
        Exit 4 when no usable PostgreSQL is installed, exit 1 when the folder was made by a major that is not.
    """
    usable = installed()
    if not usable:
        raise CommandFailed(
            MISSING,
            f"PostgreSQL {OLDEST} or newer with PostGIS is not installed; run ./siaga as root",
        )
    major = made_by(data)
    if major is None:
        return usable[0]
    for programs in usable:
        if programs.major == major:
            return programs
    restore = usable[0].path("pg_restore")
    raise CommandFailed(
        REFUSED,
        f"{data} was made by PostgreSQL {major}; this machine has {', '.join(str(one.major) for one in usable)}.\n"
        f"On a machine with PostgreSQL {major}, while ./siaga up runs there:\n"
        f"  /usr/lib/postgresql/{major}/bin/pg_dump -h {sockets} -U siaga_admin -Fc -f siaga.dump siaga\n"
        'Then here, with the password "admin" of secrets.json:\n'
        f"  mv {data} {data}.{major}\n"
        f"  ./siaga up    (makes an empty cluster and says that it has no city)\n"
        f"  {restore} -h {sockets} -U siaga_admin -d siaga --clean --if-exists siaga.dump",
    )


def identity() -> dict[str, Any]:
    """Return what `subprocess` needs to start a program as the right user: nothing, or user `postgres` for root.

    The kernel clears root's capabilities at this change, so neither `su` (PAM, a shell) nor `setpriv` is needed.

    Raises
    ------
    CommandFailed
        Root, and no user `postgres`.
    """
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise CommandFailed(MISSING, "there is no user postgres; Debian's package postgresql-common makes it") from None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}


def surroundings() -> dict[str, str]:
    """Return the environment PostgreSQL runs in: nothing of the caller's, least of all its PG… variables."""
    home = "/var/lib/postgresql" if os.geteuid() == 0 else os.environ.get("HOME", "/")
    return {"HOME": home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def run(arguments: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end, as the user that owns the cluster."""
    return subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        env=surroundings(),
        check=False,
        **(identity() | options),
    )


def give_to_owner(path: Path) -> None:
    """Hand a file or folder to the user that runs PostgreSQL."""
    who = identity()
    if who:
        os.chown(path, who["user"], who["group"])


def require_reachable(folder: Path) -> None:
    """Check that PostgreSQL's user can enter `folder`.

    Raises
    ------
    CommandFailed
        It cannot; the message names the first folder on the way that stops it.
    """
    if not identity():
        return
    for step in (*reversed(folder.parents), folder):
        if run(["/usr/bin/test", "-x", str(step)]).returncode != 0:
            raise CommandFailed(
                REFUSED,
                f"PostgreSQL runs as user postgres, which cannot enter {step} "
                f"(mode {step.stat().st_mode & 0o777:04o}); "
                "choose a state folder elsewhere, such as --state /var/lib/siaga",
            )
