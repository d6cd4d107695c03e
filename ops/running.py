"""Start and stop of an installation: what `demo`, `up` and `down` share."""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from gis.settings import ROOT
from ops import ports, processes
from ops.cluster import Cluster, tail
from ops.database import Database
from ops.exits import DONE, NOT_RUNNING, CommandFailed
from ops.parts import Layout, of_installation
from ops.session import RUNNING_LOCK, open_database
from ops.state import State, read_json
from ops.status import look
from ops.supervisor import Supervisor, claim
from ops.version import version

READY_WITHIN_S = 150.0
OTHER_START_WITHIN_S = 600.0
STOP_WITHIN_S = 60.0


def claim_or_wait(state: State, say: Callable[[str], None]) -> int | None:
    """Take the right to run this state; `None` when it runs already (after waiting for a start under way)."""
    has_said = False
    deadline = time.monotonic() + OTHER_START_WITHIN_S
    while True:
        descriptor = claim(state)
        if descriptor is not None:
            return descriptor
        if state.run_info() is not None and look(state).is_well:
            return None
        if not has_said:
            say(f"another start of {state.path} is under way; waiting for it")
            has_said = True
        if time.monotonic() > deadline:
            raise CommandFailed(NOT_RUNNING, f"{state.path}: the other start did not become ready; see {state.logs}")
        time.sleep(0.2)


def start(
    state: State,
    layout: Layout,
    *,
    prepare: Callable[[Database], None],
    is_detached: bool,
    announce: Callable[[], None],
    say: Callable[[str], None],
) -> int:
    """Start everything in `state` and, unless detached, stay until it is stopped.

    Parameters
    ----------
    prepare
        Called with the migrated database before the processes start: seeds a demo, checks that there is a city.
    announce
        Called when every part is well, or when the state runs already.

    Raises
    ------
    CommandFailed
        A port is busy, the database cannot be made, or the parts did not become well.
    """
    if not state.path.exists() or not any(state.path.iterdir()):
        # Nothing runs here yet, so a busy port is somebody else's; then nothing is left behind.
        ports.require_free({"--port": layout.pages_port, "--api-port": layout.api_port})
    state.make()
    # Until the supervisor has its own answer to it, SIGTERM is as good as Ctrl+C: whatever was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lock = claim_or_wait(state, say)
    if lock is None:
        say(f"already running with {state.path}")
        announce()
        return DONE
    try:
        left = processes.parts_of(state.path)
        if left:
            say("ending what an earlier supervisor left: " + ", ".join(f"{name} ({pid})" for pid, name in left.items()))
            processes.end(left)
        state.run_file.unlink(missing_ok=True)
        ports.require_free({"--port": layout.pages_port, "--api-port": layout.api_port})
        try:
            with open_database(state) as database:
                for step in database.prepare():
                    say(f"made {step}")
                prepare(database)
            if is_detached:
                _detach(state, layout, lock)
                announce()
                return DONE
            return _supervise(state, layout, announce)
        except BaseException:
            _stop_rest(state)
            raise
    finally:
        os.close(lock)


def _supervise(state: State, layout: Layout, announce: Callable[[], None]) -> int:
    return supervisor_of(state, layout).run(when_ready=announce)


def supervisor_of(state: State, layout: Layout) -> Supervisor:
    """Return the supervisor of a prepared installation."""
    database = Database.of(state)
    return Supervisor(
        state,
        of_installation(database, layout),
        cluster=Cluster(state) if database.is_private else None,
        addresses={
            "pages": layout.pages_url,
            "api": layout.api_url,
            "dsn": database.dsn_text("owner"),
            "version": version(),
        },
    )


def _detach(state: State, layout: Layout, lock: int) -> None:
    """Start the supervisor in a session of its own and wait until it says that every part is well."""
    reader, writer = os.pipe()
    arguments = [
        *(sys.executable, "-m", "ops.supervise", "--state", str(state.path)),
        *("--port", str(layout.pages_port), "--api-port", str(layout.api_port)),
        *("--lock", str(lock), "--ready", str(writer)),
        *(["--demo"] if layout.is_demo else []),
    ]
    with (state.logs / "supervisor.log").open("ab") as log:
        # Nothing of the caller's terminal or pipes is kept open: whoever reads our output sees its end.
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            pass_fds=(lock, writer),
            start_new_session=True,
        )
    os.close(writer)
    try:
        can_read, _, _ = select.select([reader], [], [], READY_WITHIN_S)
        if can_read and os.read(reader, 1):
            return
        bad = "; ".join(f"{part.name}: {part.detail or 'not well'}" for part in look(state).parts if not part.is_well)
        log_end = tail(state.logs / "supervisor.log", 6)
        raise CommandFailed(NOT_RUNNING, f"not ready: {bad}\n{log_end}\n(logs in {state.logs})")
    except BaseException:
        processes.send([process.pid], signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    finally:
        os.close(reader)


def stop(state: State) -> list[str]:
    """Stop everything that runs in `state`; return the names of what was stopped, empty when nothing ran."""
    if not state.path.exists():
        return []
    stopped: list[str] = []
    parts = list((state.run_info() or {"pids": {}})["pids"])
    pid = _supervisor_pid(state)
    if pid is not None:
        processes.send([pid], signal.SIGTERM)
        if not processes.wait_until(lambda: not processes.is_alive(pid), STOP_WITHIN_S):
            processes.end([pid], patience_s=0.0)
        stopped += parts or ["supervisor"]
    stopped += _stop_rest(state)
    for file in (state.run_file, state.pid_file, state.heartbeat_file):
        file.unlink(missing_ok=True)
    return stopped


def _supervisor_pid(state: State) -> int | None:
    """Return the live supervisor; its pid file is believed only while the lock is held."""
    pid = read_json(state.pid_file)
    if isinstance(pid, int) and state.is_locked(RUNNING_LOCK) and processes.is_alive(pid):
        return pid
    return None


def _stop_rest(state: State) -> list[str]:
    left = processes.parts_of(state.path)
    processes.end(left)
    stopped = sorted(set(left.values()))
    if Database.of(state).is_private and Cluster(state).stop():
        stopped.append("postgres")
    return stopped


def log_to_terminal() -> None:
    """Show the supervisor's words on the error output."""
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s", stream=sys.stderr, force=True)
    logging.getLogger("ops").setLevel(logging.INFO)
