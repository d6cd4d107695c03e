"""What /proc says about processes: who lives, where it works, which installation it belongs to, which port it holds.

`kill(pid, 0)` is not enough for any of these: it calls a zombie alive, and a pid may belong to another program by now.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
STATE_VARIABLE = "SIAGA_STATE"
PART_VARIABLE = "SIAGA_PART"


def pids() -> Iterator[int]:
    """Yield the ids of all processes that can be seen."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def read(pid: int, name: str) -> bytes:
    """Return ``/proc/<pid>/<name>``; empty when the process is gone or belongs to somebody else."""
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""


def _fields(pid: int) -> list[bytes]:
    """Return the fields of ``stat`` after the name, which may itself hold spaces and brackets."""
    _, _, rest = read(pid, "stat").rpartition(b")")
    return rest.split()


def is_alive(pid: int | None) -> bool:
    """Tell whether `pid` runs; a zombie does not, it only waits for its parent to ask."""
    fields = _fields(pid) if pid else []
    return bool(fields) and fields[0] not in (b"Z", b"X")


def age_s(pid: int) -> float | None:
    """Return the seconds since the process started, or `None` when it is gone."""
    fields = _fields(pid)
    if len(fields) < 20:
        return None
    started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started_s)


def working_folder(pid: int) -> str:
    """Return the process' current folder; empty when unknown (a zombie has none)."""
    try:
        return str((PROC / str(pid) / "cwd").readlink())
    except OSError:
        return ""


def command(pid: int) -> str:
    """Return the command line, at most 120 characters."""
    text = read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    return text[:120] or read(pid, "comm").decode(errors="replace").strip()


def environment(pid: int) -> dict[str, str]:
    """Return the environment the process was started with."""
    pairs = (entry.partition(b"=") for entry in read(pid, "environ").split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs if name}


def parts_of(state: Path) -> dict[int, str]:
    """Return the processes that belong to a state folder, as pid → name of the part.

    They are known by what the supervisor put into their environment, so a pid used again by another program is
    never taken for one of ours, and children of a part count as that part.
    """
    found = {}
    marker = f"{STATE_VARIABLE}={state}".encode()
    for pid in pids():
        if marker not in read(pid, "environ").split(b"\0") or not is_alive(pid):
            continue
        part = environment(pid).get(PART_VARIABLE)
        if part and pid != os.getpid():
            found[pid] = part
    return found


def wait_until(condition: Callable[[], bool], timeout_s: float, *, every_s: float = 0.05) -> bool:
    """Wait until `condition` holds; tell whether it did within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every_s)
    return True


def send(pid_list: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pid_list:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end(pid_list: Iterable[int], *, patience_s: float = 5.0) -> None:
    """End processes: ask, wait up to `patience_s`, then kill."""
    left = [pid for pid in pid_list if is_alive(pid)]
    send(left, signal.SIGTERM)
    wait_until(lambda: not any(map(is_alive, left)), patience_s)
    left = [pid for pid in left if is_alive(pid)]
    send(left, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, left)), 5.0)


def _listening_sockets(port: int) -> set[str]:
    """Return the inode numbers of the TCP sockets that listen on `port`."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            # 0A is LISTEN; the local address is hexadecimal ADDRESS:PORT.
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes


def port_holders(port: int) -> list[int]:
    """Return the processes that listen on a TCP port (of other users' only root sees the pid)."""
    wanted = {f"socket:[{inode}]" for inode in _listening_sockets(port)}
    holders = []
    for pid in pids() if wanted else ():
        with contextlib.suppress(OSError):
            for descriptor in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) in wanted:
                        holders.append(pid)
                        break
    return holders
