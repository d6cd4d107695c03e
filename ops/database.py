"""The database `siaga`: made, given its extensions, roles and schemas by the administrator, migrated by its owner.

Normally the private cluster holds it. With `DATABASE_URL` set, an administrator's URL names the server and database to
use instead; the roles are made there, and the services still log in as their own roles.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import make_dsn, parse_dsn

from gis.settings import ROOT, Settings
from ops.cluster import PORT, Cluster
from ops.exits import MISSING, NOT_RUNNING, REFUSED, CommandFailed
from ops.state import State, write_private

DATABASE = "siaga"
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
SCHEMAS = ("siaga", "private")
SERVICE_ROLES = ("api", "pages", "worker", "planner")
SEARCH_PATH = "siaga, public"

# What planners ask must never slow an operator: few connections, an end to every statement, bounded memory and disk.
PLANNER_LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "work_mem": "32MB",
    "temp_file_limit": "1GB",
}
PLANNER_CONNECTIONS = 5

Dsn = dict[str, Any]


@dataclass(frozen=True)
class Database:
    """Where the database is and how each role logs in."""

    state: State
    given_url: str | None = None

    @classmethod
    def of(cls, state: State, env: Mapping[str, str] = os.environ) -> Database:
        """Return the database of a state folder, or the one `DATABASE_URL` names."""
        return cls(state, env.get("DATABASE_URL") or None)

    @property
    def is_private(self) -> bool:
        """Tell whether the private cluster holds it."""
        return self.given_url is None

    def dsn(self, role: str, *, database: str | None = None) -> Dsn:
        """Return libpq's parameters for a role (`admin`, `owner`, `api` …)."""
        if self.given_url is None:
            where: Dsn = {"host": str(self.state.sockets), "port": str(PORT), "dbname": database or DATABASE}
        else:
            try:
                where = parse_dsn(self.given_url.replace("postgresql+psycopg2://", "postgresql://", 1))
            except psycopg2.Error as error:
                raise CommandFailed(REFUSED, f"DATABASE_URL: {error}".strip()) from None
            if role == "admin":
                return where
        return where | {"user": f"siaga_{role}", "password": self.state.secrets()[role]}

    def dsn_text(self, role: str) -> str:
        """Return libpq's connection string for a role."""
        return str(make_dsn(**self.dsn(role)))

    def url(self, role: str) -> str:
        """Return SQLAlchemy's URL for a role; every parameter is in its query, so that a socket needs no host."""
        from sqlalchemy import URL

        parameters = self.dsn(role)
        known = {name: parameters.pop(name) for name in ("user", "password", "dbname")}
        return URL.create(
            "postgresql+psycopg2",
            username=known["user"],
            password=known["password"],
            database=known["dbname"],
            query=parameters,
        ).render_as_string(hide_password=False)

    def settings(self, role: str = "owner", *, statement_timeout_ms: int = 600_000) -> Settings:
        """Return the settings with which a command works on the database as `role`."""
        return Settings(
            state=self.state.path,
            database_url=self.url(role),
            pool_size=4,
            statement_timeout_ms=statement_timeout_ms,
            idle_timeout_ms=0,
            demo=self.state.kind() == "demo",
        )

    def connect(self, role: str, *, database: str | None = None) -> Any:
        """Return a connection in autocommit mode.

        Raises
        ------
        CommandFailed
            Exit 3: the server cannot be reached or refuses the role.
        """
        try:
            connection = psycopg2.connect(
                **self.dsn(role, database=database) | {"connect_timeout": 5, "application_name": "siaga-ops"}
            )
        except psycopg2.OperationalError as error:
            raise CommandFailed(NOT_RUNNING, f"the database cannot be reached as {role}: {error}".strip()) from error
        connection.autocommit = True
        return connection

    def checkpoint(self) -> None:
        """Have everything written so far put into the data files, if the administrator's role may ask for it."""
        connection = self.connect("admin")
        try:
            with contextlib.suppress(errors.InsufficientPrivilege), connection.cursor() as cursor:
                cursor.execute("CHECKPOINT")
        finally:
            connection.close()

    # --- making --------------------------------------------------------------------------------------------------

    def prepare(self) -> list[str]:
        """Bring the database to what this version of the program needs; return what was done, empty if nothing.

        The private cluster must be running. Two calls at once do the work once.

        Raises
        ------
        CommandFailed
            Exit 4: a server of one's own lacks extensions or roles and its URL may not make them; the message has
            the lines for its administrator.
        """
        done: list[str] = []
        self.state.make()
        with self.state.lock(".prepare.lock"):
            if self.is_private:
                done += self._make_database()
            connection = self.connect("admin")
            try:
                with connection.cursor() as cursor:
                    done += self._make_extensions(cursor)
                    done += self._make_roles(cursor)
                    done += self._make_schemas(cursor)
            except errors.InsufficientPrivilege as error:
                raise CommandFailed(MISSING, self._for_the_administrator(str(error))) from error
            finally:
                connection.close()
            done += self.migrate()
        return done

    def _make_database(self) -> list[str]:
        connection = self.connect("admin", database="postgres")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone():
                    return []
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(DATABASE))
                )
                return [f"database {DATABASE}"]
        finally:
            connection.close()

    def _make_roles(self, cursor: Any) -> list[str]:
        there = _roles(cursor)
        made = []
        for role in ("owner", *SERVICE_ROLES):
            name = f"siaga_{role}"
            if name in there:
                self._require_login(cursor, role)
            else:
                cursor.execute(
                    sql.SQL("CREATE ROLE {} LOGIN NOINHERIT PASSWORD %s").format(sql.Identifier(name)),
                    [self.state.secrets()[role]],
                )
                cursor.execute(
                    sql.SQL("ALTER ROLE {} SET search_path = {}").format(sql.Identifier(name), sql.SQL(SEARCH_PATH))
                )
                made.append(name)
        if "siaga_planner" in made:
            cursor.execute(f"ALTER ROLE siaga_planner CONNECTION LIMIT {PLANNER_CONNECTIONS}")
            cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
            (is_superuser,) = cursor.fetchone()
            for setting, value in PLANNER_LIMITS.items():
                if is_superuser or setting != "temp_file_limit":
                    cursor.execute(
                        sql.SQL("ALTER ROLE siaga_planner SET {} = %s").format(sql.Identifier(setting)), [value]
                    )
        return [f"roles {', '.join(made)}"] if made else []

    def _require_login(self, cursor: Any, role: str) -> None:
        """See that a role that exists takes our password; in the private cluster, give it ours."""
        try:
            psycopg2.connect(**self.dsn(role) | {"connect_timeout": 5}).close()
        except psycopg2.OperationalError as error:
            if self.is_private:
                cursor.execute(
                    sql.SQL("ALTER ROLE {} LOGIN PASSWORD %s").format(sql.Identifier(f"siaga_{role}")),
                    [self.state.secrets()[role]],
                )
                return
            raise CommandFailed(
                REFUSED,
                f"role siaga_{role} exists on that server but does not take the password in {self.state.secrets_file} "
                f"({str(error).strip()}); put the right one there, or ALTER ROLE",
            ) from error

    def _make_extensions(self, cursor: Any) -> list[str]:
        cursor.execute("SELECT extname FROM pg_extension")
        there = {name for (name,) in cursor.fetchall()}
        missing = [name for name in EXTENSIONS if name not in there]
        for name in missing:
            try:
                cursor.execute(sql.SQL("CREATE EXTENSION {} SCHEMA public").format(sql.Identifier(name)))
            except (errors.UndefinedFile, errors.FeatureNotSupported) as error:
                raise CommandFailed(MISSING, self._for_the_administrator(str(error))) from error
        return [f"extensions {', '.join(missing)}"] if missing else []

    def _make_schemas(self, cursor: Any) -> list[str]:
        made = []
        for schema in SCHEMAS:
            cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
            if not cursor.fetchone():
                # An administrator without superuser rights must be a member of the role it gives a schema to.
                if not self.is_private:
                    cursor.execute("GRANT siaga_owner TO current_user")
                cursor.execute(f"CREATE SCHEMA {schema} AUTHORIZATION siaga_owner")
                made.append(schema)
        if made:
            cursor.execute("SELECT current_database()")
            (database,) = cursor.fetchone()
            cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
            cursor.execute(
                sql.SQL(
                    "GRANT CONNECT ON DATABASE {} TO siaga_owner, siaga_api, siaga_pages, siaga_worker, siaga_planner"
                ).format(sql.Identifier(database))
            )
            cursor.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO siaga_owner").format(sql.Identifier(database)))
        return [f"schemas {', '.join(made)}"] if made else []

    def _for_the_administrator(self, reason: str) -> str:
        """Return the lines an administrator of the given server has to run, and keep them in a file with passwords."""
        lines = [f"CREATE EXTENSION IF NOT EXISTS {name} SCHEMA public;" for name in EXTENSIONS]
        passwords = self.state.secrets()
        connection = self.connect("admin")
        try:
            with connection.cursor() as cursor:
                there = _roles(cursor)
        finally:
            connection.close()
        for role in ("owner", *SERVICE_ROLES):
            if f"siaga_{role}" in there:
                continue
            lines.append(f"CREATE ROLE siaga_{role} LOGIN NOINHERIT PASSWORD '{passwords[role]}';")
            lines.append(f"ALTER ROLE siaga_{role} SET search_path = {SEARCH_PATH};")
        lines += [f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION siaga_owner;" for schema in SCHEMAS]
        file = self.state.path / "administrator.sql"
        write_private(file, "\n".join(lines) + "\n")
        shown = "\n".join("  " + line.partition(" PASSWORD")[0].rstrip(";") + ";" for line in lines)
        return (
            f"the server that DATABASE_URL names lacks something its user may not make ({reason.strip()}).\n"
            f"Its administrator runs, in that database:\n{shown}\n"
            f"(with the passwords: psql -f {file}). Packages there: postgresql-NN-postgis-3."
        )

    # --- migrations ----------------------------------------------------------------------------------------------

    def migrate(self) -> list[str]:
        """Run the missing migrations as the owner; return what was done."""
        from alembic import command
        from sqlalchemy import create_engine, text

        before = self.revision()
        if before is not None and before == head():
            return []
        engine = create_engine(self.url("owner"), connect_args={"application_name": "siaga-migrate"})
        try:
            with engine.begin() as connection:
                connection.execute(text(f"SET LOCAL search_path = {SEARCH_PATH}"))
                command.upgrade(_alembic(connection), "head")
        finally:
            engine.dispose()
        return [f"schema {before or 'empty'} → {self.revision()}"]

    def revision(self) -> str | None:
        """Return the revision the database is at, `None` before the first migration."""
        connection = self.connect("owner")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass('siaga.alembic_version')")
                if cursor.fetchone() == (None,):
                    return None
                cursor.execute("SELECT version_num FROM siaga.alembic_version")
                row = cursor.fetchone()
                return row[0] if row else None
        finally:
            connection.close()


def _roles(cursor: Any) -> set[str]:
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'siaga\\_%'")
    return {name for (name,) in cursor.fetchall()}


def _alembic(connection: Any = None) -> Any:
    from alembic.config import Config

    config = Config(str(ROOT / "alembic.ini"))
    config.attributes["connection"] = connection
    return config


def head() -> str | None:
    """Return the newest revision this program knows."""
    from alembic.script import ScriptDirectory

    revision = ScriptDirectory.from_config(_alembic()).get_current_head()
    return None if revision is None else str(revision)


def started(state: State) -> tuple[Database, bool]:
    """Start the private cluster if this installation has one; return the database and whether this call started it."""
    database = Database.of(state)
    return database, Cluster(state).start() if database.is_private else False
