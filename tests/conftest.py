"""What tests share: one throw-away PostGIS cluster a run, migrated once, copied per module from a template.

The cluster is made by the product's own code (`ops.cluster`, `ops.database`), in a short path below the temporary
folder. Nothing here touches another cluster of the machine.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from gis.db import make_engine
from gis.settings import Settings, sqlalchemy_url

ROOT = Path(__file__).resolve().parent.parent
GEODATA = ROOT.parent / "shared" / "geodata"


@dataclass(frozen=True)
class Server:
    """The run's cluster; `url(role, database)` is a SQLAlchemy URL."""

    database: object
    state: Path

    def url(self, role: str = "owner", database: str = "siaga") -> str:
        from urllib.parse import quote

        dsn = self.database.dsn(role)  # type: ignore[attr-defined]
        return sqlalchemy_url(
            f"postgresql://{dsn['user']}:{quote(dsn['password'])}@/{database}?host={quote(dsn['host'], safe='')}"
            f"&port={dsn['port']}"
        )

    def settings(self, role: str = "owner", database: str = "siaga", *, demo: bool = False) -> Settings:
        return Settings(
            state=self.state, database_url=self.url(role, database), pool_size=10, idle_timeout_ms=0, demo=demo
        )

    def execute(self, statement: str) -> None:
        """Run an administrator's statement outside a transaction (names are the tests' own)."""
        connection = self.database.connect("admin", database="postgres")  # type: ignore[attr-defined]
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def copy(self, name: str, template: str = "siaga") -> str:
        """Make database `name` from a template, dropping an older one, and return its name."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER siaga_owner")
        return name


def hurry(database: Any) -> None:
    """Let a cluster that nobody needs tomorrow not wait for the disk; faults are tested on clusters that do."""
    connection = database.connect("admin", database="postgres")
    with connection.cursor() as cursor:
        for setting in ("fsync", "full_page_writes"):
            cursor.execute(f"ALTER SYSTEM SET {setting} = off")
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Start the run's cluster with every role and a migrated database `siaga`."""
    from ops.cluster import Cluster
    from ops.database import Database
    from ops.state import State

    folder = Path(tempfile.mkdtemp(prefix="siaga-t-", dir="/tmp" if Path("/tmp").is_dir() else None))
    folder.chmod(0o755)
    state = State.at(folder)
    cluster = Cluster(state)
    try:
        cluster.start()
        database = Database(state)
        database.prepare()
        hurry(database)
        database.migrate()
        yield Server(database=database, state=state.path)
    finally:
        cluster.stop(fast_s=5)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def database(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the module a migrated, empty database of its own."""
    name = "m_" + "".join(c if c.isalnum() else "_" for c in request.module.__name__.lower())[-50:]
    yield server.copy(name)
    server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def engine(server: Server, database: str) -> Iterator[Engine]:
    """Engine of the module's database as its owner."""
    engine = make_engine(server.settings("owner", database), application="test")
    yield engine
    engine.dispose()


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        if transaction.is_active:
            transaction.rollback()


@pytest.fixture(scope="session")
def kendari_template(server: Server) -> str:
    """Database with the demo city: boundaries, SOP, stations, synthetic roads with their fields, no history."""
    from data.demo import seed_city

    name = server.copy("city_kendari")
    engine = make_engine(server.settings("owner", name), application="test")
    try:
        seed_city(engine, ROOT / "data/cities/kendari", state=server.state)
    finally:
        engine.dispose()
    return name


@pytest.fixture(scope="module")
def kendari_database(server: Server, kendari_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the module a copy of the demo city."""
    name = "k_" + "".join(c if c.isalnum() else "_" for c in request.module.__name__.lower())[-50:]
    yield server.copy(name, kendari_template)
    server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def kendari(server: Server, kendari_database: str) -> Iterator[Engine]:
    """Engine of the module's copy of the demo city, as its owner."""
    engine = make_engine(server.settings("owner", kendari_database), application="test")
    yield engine
    engine.dispose()


@pytest.fixture
def kendari_tx(kendari: Engine) -> Iterator[Connection]:
    """A transaction on the demo city that is rolled back."""
    with kendari.connect() as connection:
        transaction = connection.begin()
        yield connection
        if transaction.is_active:
            transaction.rollback()


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Return the one Chromium of the run: Playwright's loop may run only once in a process."""
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (requirements-test.lock)")
    from tests.browser import person

    if person.find_chromium() is None:
        pytest.skip("Chromium is not installed (apt-get install chromium-headless-shell)")
    with person.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def geodata() -> Path:
    """Folder of real data for trials; tests that need it skip where it is absent."""
    if not GEODATA.is_dir():
        pytest.skip(f"real data not found at {GEODATA}")
    return GEODATA


# Files whose tests take minutes, the longest first: begun last, they would run alone at the end.
LONG = (
    "tests/browser/",
    "tests/dashboard/test_desk",
    "tests/ops/test_demo.py",
    "tests/data/test_san_francisco.py",
    "tests/data/test_real_kendari.py",
    "tests/faults/",
    "tests/ops/test_cluster.py",
    "tests/api/test_closures.py",
    "tests/routing_engine/network/test_obeys_the_map.py",
    "tests/routing_engine/network/",
    "tests/data/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files; each keeps its order."""

    def rank(item: pytest.Item) -> int:
        return next((i for i, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Where each file stays with one process, let the browser's files stay together: they share one running product."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # it would begin with the files of many tests, which are quick

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            scope: str = super()._split_scope(nodeid)
            return "tests/browser" if scope.startswith("tests/browser/") else scope

    return ByFile(config, log)


def pytest_report_header() -> list[str]:
    """Say which geometry libraries the answers come from."""
    import pyproj
    import shapely

    return [f"GEOS {shapely.geos_version_string}, PROJ {pyproj.proj_version_str}, real data: {GEODATA.is_dir()}"]
