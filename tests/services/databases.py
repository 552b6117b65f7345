"""Databases for tests of what is stored: the same test on SQLite and on PostgreSQL.

The tables are made once in a template, which each test gets a copy of; of PostgreSQL also one that was emptied.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services.postgres import Cluster

DATABASES = ("sqlite", "postgresql")
TIMES = 20
"""How often a database is lent: what is deleted stays in its files, and makes it slower and slower."""

EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
{deletes};
SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""
SHAPE = """
SELECT count(*), max(oid::bigint), sum(relnatts) FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


class Stores:
    """PostgreSQL databases with every table and no rows, lent one after another: emptying takes a tenth of copying."""

    def __init__(self, cluster: Cluster, template: str) -> None:
        self._cluster, self._template = cluster, template
        self._shape = self._shape_of(template)
        self._free: list[tuple[str, int]] = []

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The address of one."""
        name, times = self._free.pop() if self._free else (self._cluster.create(template=self._template), 1)
        yield self._cluster.url(name)
        if times < TIMES and self._shape_of(name) == self._shape:
            self._empty(name)
            self._free.append((name, times + 1))
        else:
            self._cluster.drop(name)

    def _shape_of(self, name: str) -> Any:
        """Tables, indexes and columns: what a test has changed there is not lent again."""
        with self._cluster.connect(name) as connection:
            return connection.execute(SHAPE).fetchone()

    def _empty(self, name: str) -> None:
        from sisportal.models import Base  # noqa: PLC0415 - as below

        deletes = ";".join(f'DELETE FROM "{table}"' for table in Base.metadata.tables)
        with self._cluster.connect(name) as connection:
            connection.execute(EMPTY.format(deletes=deletes).encode())


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of an empty SQLite file of this test's own."""
    return f"sqlite:///{tmp_path / 'portal.sqlite3'}"


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database without tables; the test runs once on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with every table and no rows; the test runs once on each kind."""
    url: str = request.getfixturevalue("sqlite_store_url" if request.param == "sqlite" else "postgres_store_url")
    return url


@pytest.fixture
def sqlite_store_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite file with every table and no rows: enough where the kind of database does not matter."""
    path = tmp_path / "portal.sqlite3"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_store_url(postgres_stores: Stores) -> Iterator[str]:
    """A PostgreSQL database with every table and no rows."""
    with postgres_stores.lent() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_stores(postgres_cluster: Cluster, postgres_template: str) -> Stores:
    return Stores(postgres_cluster, postgres_template)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "portal.sqlite3"
    _make_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: Cluster) -> str:
    name = postgres_cluster.create()
    _make_tables(postgres_cluster.url(name))
    return name


def _make_tables(url: str) -> None:
    # tests of the core do not wait for SQLAlchemy's mappers
    from sisportal.models import Base  # noqa: PLC0415
    from sisportal.models.database import make_engine  # noqa: PLC0415

    engine = make_engine(url)  # which leaves a SQLite file as the portal keeps it: a copy need not be turned into that
    Base.metadata.create_all(engine)
    engine.dispose()
