"""Where the drill keeps its copies of a portal: SQLite files in a folder, or databases of its own on a PostgreSQL server.

Each kind can be copied, and knows how it is locked by somebody else and how its disk is full.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import psycopg
from psycopg import sql
from sqlalchemy import URL, Engine, event, inspect, make_url

from sisportal.config import ConfigError
from sisportal.models.database import database_url
from tests.services.postgres import UNSAFE_BUT_QUICK, find_postgres, new_cluster

OWN_SERVER = "postgresql"
"""Instead of a server's address: one is started for the drill, and thrown away in the end."""


class Stores(Protocol):
    """Portals' databases that are the drill's own, each known by its address."""

    def new(self) -> str:
        """An empty one."""

    def copy(self, url: str) -> str:
        """Another one that holds the same; nobody may be connected to ``url``."""

    def drop(self, url: str) -> None:
        """Remove it, whoever is still connected."""

    def locked(self, url: str) -> AbstractContextManager[None]:
        """Nobody else can write meanwhile."""

    def full(self, engine: Engine) -> AbstractContextManager[None]:
        """There is no room for more meanwhile."""


class Files:
    """SQLite files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count(1)

    def new(self) -> str:
        return f"sqlite:///{self._folder / f'portal-{next(self._numbers)}.sqlite3'}"

    def copy(self, url: str) -> str:
        copied = self.new()
        shutil.copyfile(_path(url), _path(copied))
        return copied

    def drop(self, url: str) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(f"{_path(url)}{ending}").unlink(missing_ok=True)

    @contextmanager
    def locked(self, url: str) -> Iterator[None]:
        with closing(sqlite3.connect(_path(url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.rollback()

    @contextmanager
    def full(self, engine: Engine) -> Iterator[None]:
        """As soon as the file needs another page or two."""
        engine.dispose()

        def limit(connection: sqlite3.Connection, _record: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        event.listen(engine, "connect", limit)
        try:
            yield
        finally:
            event.remove(engine, "connect", limit)
            engine.dispose()


class Databases:
    """Databases on the PostgreSQL server of ``url``, whose user may make some. Names begin with ``drill_``."""

    def __init__(self, url: str) -> None:
        self._url, self._made = make_url(database_url(url)), set[str]()

    def new(self) -> str:
        return self._create("template0")

    def copy(self, url: str) -> str:
        return self._create(_name(url))

    def drop(self, url: str) -> None:
        self._execute(self._url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_name(url))))
        self._made.discard(url)

    def drop_all(self) -> None:
        for url in list(self._made):
            self.drop(url)

    @contextmanager
    def locked(self, url: str) -> Iterator[None]:
        with psycopg.connect(_of_driver(url)) as other:
            tables = other.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
            other.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
            yield
            other.rollback()

    @contextmanager
    def full(self, engine: Engine) -> Iterator[None]:
        """Every row more is refused with the server's own answer to a full disk."""
        url = engine.url.render_as_string(hide_password=False)
        tables = inspect(engine).get_table_names()
        self._execute(url, sql.SQL(_REFUSE))
        for table in tables:
            self._execute(url, sql.SQL(_ROWS).format(sql.Identifier(table)))
        try:
            yield
        finally:
            self._execute(url, sql.SQL("DROP FUNCTION drill_full CASCADE"))

    def _create(self, template: str) -> str:
        name = f"drill_{token_hex(6)}"
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        self._execute(self._url, words)
        url = self._url.set(database=name).render_as_string(hide_password=False)
        self._made.add(url)
        return url

    @staticmethod
    def _execute(url: URL | str, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(_of_driver(url), autocommit=True) as connection:
            connection.execute(statement)


_REFUSE = """
CREATE FUNCTION drill_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'could not extend file: the disk is full';
END $$
"""
_ROWS = "CREATE TRIGGER drill_full BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION drill_full()"


@contextmanager
def stores(on: str | None, folder: Path) -> Iterator[Stores]:
    """Where the copies go, all of which are gone in the end. ``on``: a PostgreSQL server's address, or ``OWN_SERVER``.

    Raises ``ConfigError`` where that server cannot be used so.
    """
    if on is None:
        yield Files(folder)
    elif on == OWN_SERVER:
        if not find_postgres():
            raise ConfigError("PostgreSQL is not installed here: install it, or name a server with --on.")
        with new_cluster(*UNSAFE_BUT_QUICK) as cluster, databases(cluster.url("postgres")) as made:
            yield made
    else:
        with databases(on) as made:
            yield made


@contextmanager
def databases(url: str) -> Iterator[Databases]:
    """Databases on a server. Raises ``ConfigError`` where it does not let its user make any."""
    made = Databases(url)
    try:
        try:
            made.drop(made.new())
        except psycopg.Error as error:
            said = str(error).strip().partition("\n")[0]
            raise ConfigError(f"--on: no database can be made on that server: {said}") from error
        yield made
    finally:
        made.drop_all()


def _path(url: str) -> str:
    return url.removeprefix("sqlite:///")


def _name(url: str) -> str:
    return str(make_url(url).database)


def _of_driver(url: URL | str) -> str:
    """The address as psycopg itself reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
