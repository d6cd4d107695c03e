"""`DATABASE_URL`: a server of one's own instead of the private cluster."""

from __future__ import annotations

import psycopg2
import pytest

from ops.cluster import Cluster
from ops.database import Database, head
from ops.exits import CommandFailed
from ops.session import open_database
from ops.state import State


@pytest.fixture
def own_server(state, cluster):
    """Return a cluster that plays somebody's server, with an empty database, and the state folder that will use it."""
    cluster.start()
    connection = Database(state).connect("admin", database="postgres")
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE elsewhere")
        cursor.execute("CREATE ROLE boss LOGIN CREATEROLE PASSWORD 'p@ss/word'")
        cursor.execute("GRANT ALL ON DATABASE elsewhere TO boss")
    connection.close()
    return cluster, State(state.path / "mine")


def url(cluster: Cluster, user: str, password: str) -> str:
    return psycopg2.extensions.make_dsn(
        host=str(cluster.state.sockets), port=5432, dbname="elsewhere", user=user, password=password
    )


def test_its_administrators_url_is_all_it_needs(own_server):
    cluster, mine = own_server
    database = Database.of(mine, {"DATABASE_URL": url(cluster, "siaga_admin", cluster.state.secrets()["admin"])})
    assert not database.is_private
    assert database.prepare()
    assert database.prepare() == [], "a second call finds everything there"
    assert database.revision() == head()
    connection = database.connect("api")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone() == ("siaga_api", "elsewhere")
    connection.close()
    assert not (mine.path / "pg").exists()


def test_a_url_that_may_not_make_extensions_gets_the_administrators_lines(own_server):
    cluster, mine = own_server
    database = Database.of(mine, {"DATABASE_URL": url(cluster, "boss", "p@ss/word")})
    with pytest.raises(CommandFailed, match="CREATE EXTENSION IF NOT EXISTS postgis") as caught:
        database.prepare()
    assert caught.value.code == 4
    file = mine.path / "administrator.sql"
    assert file.stat().st_mode & 0o777 == 0o600
    secret = mine.secrets()["owner"]
    assert secret in file.read_text()
    assert secret not in str(caught.value), "passwords are kept in the file, not shown"

    connection = Database(cluster.state).connect("admin", database="elsewhere")
    with connection.cursor() as cursor:
        for line in file.read_text().splitlines():
            cursor.execute(line)
    connection.close()
    database.prepare()
    assert database.revision() == head()


def test_a_url_that_is_none_is_refused(state):
    with pytest.raises(CommandFailed, match="DATABASE_URL"):
        Database.of(state, {"DATABASE_URL": "mysql://x"}).dsn("admin")


def test_an_empty_url_means_the_private_cluster(state):
    assert Database.of(state, {"DATABASE_URL": ""}).is_private


def test_without_the_url_no_private_cluster_takes_its_place(own_server):
    _, mine = own_server
    mine.make()
    mine.own_server_file.touch()
    with pytest.raises(CommandFailed, match="set DATABASE_URL"), open_database(mine):
        pass
    assert not mine.data.exists()
