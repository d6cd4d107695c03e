"""The private cluster comes up after everything a crash can leave behind."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from gis.settings import ROOT
from ops import postgres, processes
from ops.cluster import Cluster, has_usable_shm
from ops.database import Database
from ops.exits import CommandFailed
from ops.state import State


def answer(cluster: Cluster, query: str) -> object:
    connection = psycopg2.connect(**Database(cluster.state).dsn("admin", database="postgres"))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]
    finally:
        connection.close()


def kill_postmaster(cluster: Cluster) -> int:
    pid = cluster.postmaster()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_it_is_reached_by_its_socket_only_and_keeps_checksums(cluster):
    assert cluster.start()
    assert not cluster.start(), "the second start finds it running"
    assert answer(cluster, "SHOW listen_addresses") == ""
    assert answer(cluster, "SHOW data_checksums") == "on"
    assert answer(cluster, "SHOW fsync") == "on"
    assert cluster.state.data.stat().st_mode & 0o777 == 0o700
    assert cluster.state.sockets.stat().st_mode & 0o777 == 0o700
    assert cluster.stop()
    assert not cluster.stop()
    assert not cluster.users()


def test_a_wrong_password_is_refused(cluster):
    cluster.start()
    dsn = Database(cluster.state).dsn("admin", database="postgres") | {"password": "guess"}
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(**dsn)


def test_it_starts_again_after_the_postmaster_was_killed(cluster):
    cluster.start()
    answer(cluster, "CREATE TABLE kept AS SELECT 1 AS n; SELECT 1")
    old = kill_postmaster(cluster)
    assert cluster.start()
    assert cluster.postmaster() not in (None, old)
    assert answer(cluster, "SELECT n FROM kept") == 1


def test_it_starts_again_beside_a_backend_that_outlived_its_postmaster(cluster):
    cluster.start()
    connection = psycopg2.connect(**Database(cluster.state).dsn("admin", database="postgres"))
    backend = connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)  # as deaf as one inside a long computation
    kill_postmaster(cluster)
    assert cluster.start()
    assert not processes.is_alive(backend)
    assert answer(cluster, "SELECT 1") == 1


def test_a_pid_file_that_names_another_program_is_not_believed(cluster):
    cluster.start()
    kill_postmaster(cluster)
    assert processes.wait_until(lambda: not cluster.users(), 5.0)
    with subprocess.Popen(["sleep", "60"], cwd="/", **postgres.identity()) as other:
        file = cluster.state.data / "postmaster.pid"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        assert cluster.postmaster() is None
        assert not cluster.is_ready()
        assert cluster.start()
        assert other.poll() is None, "a program that is not ours is left alone"
        other.kill()


def test_a_zombie_postmaster_is_not_taken_for_a_running_one(state, cluster):
    cluster.start()
    cluster.stop()
    # A child of this process that is killed and not waited for stays as a zombie, as in a container without an init.
    program = postgres.programs_for(state.data, state.sockets).path("postgres")
    zombie = subprocess.Popen(
        [program, "-D", str(state.data), "-c", f"unix_socket_directories={state.sockets}", "-c", "listen_addresses="],
        env=postgres.surroundings(),
        cwd="/",
        stderr=subprocess.DEVNULL,
        **postgres.identity(),
    )
    assert processes.wait_until(cluster.is_ready, 20.0)
    os.kill(zombie.pid, signal.SIGKILL)
    assert processes.wait_until(lambda: not processes.is_alive(zombie.pid), 5.0)
    assert Path(f"/proc/{zombie.pid}").exists()
    assert cluster.postmaster() is None
    assert cluster.start()
    zombie.wait()


def test_a_cluster_made_half_is_made_anew(state, cluster):
    state.make()
    half = state.path / "pg.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("15\n")
    cluster.start()
    assert answer(cluster, "SELECT 1") == 1
    assert not half.exists()


def test_two_starts_at_once_make_one_server(state, cluster):
    program = (
        "import sys; from ops.cluster import Cluster; from ops.state import State;"
        "print(Cluster(State.at(sys.argv[1])).start())"
    )

    def start(_: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, str(state.path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(start, range(3))) == ["False", "False", "True"]
    assert answer(cluster, "SELECT 1") == 1


def test_the_lock_is_free_while_the_server_runs(state, cluster):
    cluster.start()
    assert not state.is_locked(".lock"), "the server inherited the lock"


def test_a_backend_that_cannot_be_interrupted_does_not_hold_up_the_stop(cluster):
    cluster.start()
    connection = psycopg2.connect(**Database(cluster.state).dsn("admin", database="postgres"))
    os.kill(connection.info.backend_pid, signal.SIGSTOP)
    assert cluster.stop(fast_s=0.5)
    assert not cluster.users()


def test_shared_memory_that_cannot_be_used_is_not_used(state, cluster, monkeypatch, tmp_path):
    tmp_path.chmod(0o755)
    assert not has_usable_shm(tmp_path), "only its owner may write there"
    assert not has_usable_shm(tmp_path / "none")
    monkeypatch.setattr("ops.cluster.has_usable_shm", lambda: False)
    cluster.start()
    assert answer(cluster, "SHOW dynamic_shared_memory_type") == "mmap"
    query = """SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
               CREATE TABLE many AS SELECT generate_series(1, 300000) AS n; ANALYZE many; SELECT count(*) FROM many"""
    assert answer(cluster, query) == 300000


def test_a_path_too_long_for_a_socket_is_named(state):
    long = State(state.path / ("x" * 100))
    with pytest.raises(CommandFailed, match=r"socket's path would have .* shorter folder"):
        Cluster(long).start()
    assert not long.path.exists()


def test_another_major_is_refused_with_the_lines_that_move_the_data(state, cluster):
    state.make()
    state.data.mkdir()
    (state.data / "PG_VERSION").write_text("11\n")
    with pytest.raises(CommandFailed, match=r"made by PostgreSQL 11[\s\S]*pg_dump[\s\S]*pg_restore") as caught:
        cluster.start()
    assert caught.value.code == 1
    assert (state.data / "PG_VERSION").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the cluster to another user")
def test_a_folder_postgres_cannot_enter_is_named(state):
    state.path.parent.chmod(0o700)
    with pytest.raises(CommandFailed, match=f"cannot enter {state.path.parent} "):
        Cluster(state).start()
    state.path.parent.chmod(0o711)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_it_alone():
    nobody = pwd.getpwnam("nobody")
    folder = Path(tempfile.mkdtemp(prefix="siaga-", dir="/tmp"))
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    # The checkout may lie where `nobody` cannot go, so the child gets its modules before it changes user.
    program = (
        "import os, sys; from ops.cluster import Cluster; from ops.state import State;"
        f"os.setgroups([]); os.setgid({nobody.pw_gid}); os.setuid({nobody.pw_uid}); os.environ['HOME'] = sys.argv[1];"
        "c = Cluster(State.at(sys.argv[1] + '/st'));"
        "print(c.start(), os.stat(c.state.data).st_uid, c.stop(), c.users())"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.stdout.split() == ["True", str(nobody.pw_uid), "True", "[]"], done.stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_it_survives_being_killed_again_and_again(cluster):
    cluster.start()
    answer(cluster, "CREATE TABLE kept (n int); SELECT 1")
    for n in range(5):
        answer(cluster, "INSERT INTO kept VALUES (1) RETURNING n")
        kill_postmaster(cluster)
        time.sleep(0.05 * n)
        cluster.start()
    assert answer(cluster, "SELECT count(*) FROM kept") == 5, "a returned insert is never lost"
