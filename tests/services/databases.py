"""Databases for tests of what is stored: the same test on SQLite and on PostgreSQL.

The tables are made once in a template, which each test gets a copy of.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.services.postgres import Cluster

DATABASES = ("sqlite", "postgresql")


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
def postgres_store_url(postgres_cluster: Cluster, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database with every table and no rows."""
    name = postgres_cluster.create(template=postgres_template)
    yield postgres_cluster.url(name)
    postgres_cluster.drop(name)


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
    from sisportal.models import Base  # noqa: PLC0415 - tests of the core do not wait for SQLAlchemy's mappers

    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
