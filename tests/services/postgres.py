"""PostgreSQL: a cluster of the tests' own, on a socket in a folder of its own, thrown away in the end."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

UNSAFE_BUT_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=2GB")
START_SECONDS = 30
_numbers = count(1)


def find_postgres() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, or None. Debian keeps it off the path, a folder for each version."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


class Cluster:
    """A server in ``folder``, where its socket is too."""

    def __init__(self, folder: Path, programs: Path, who: dict[str, Any], settings: tuple[str, ...]) -> None:
        self.folder, self._programs, self._who = folder, programs, who
        self._settings = (*settings, "listen_addresses=", f"unix_socket_directories={folder}")
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until it answers: also after it crashed."""
        options = [part for setting in self._settings for part in ("-c", setting)]
        self._server = subprocess.Popen(
            [self._programs / "postgres", "-D", self.folder / "store", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self._who,
        )  # fmt: skip
        _wait(self, self._server)

    def crash(self) -> None:
        """End it at once: nothing is written that was not written before."""
        if self._server is not None:
            self._server.send_signal(3)  # SIGQUIT
            self._server.wait()

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://portal@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), user="portal", dbname=database, autocommit=True)

    def execute(self, statement: str) -> None:
        with self.connect() as connection:
            connection.execute(statement.encode())

    def create(self, *, template: str = "template0") -> str:
        """The name of a new database, a copy of ``template``."""
        name = f"portal_{next(_numbers)}"
        # copying files takes two checkpoints: three times the work
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _as_another_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: who it runs as then."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _make(programs: Path, store: Path, who: dict[str, Any]) -> None:
    subprocess.run(
        [programs / "initdb", "-D", store, "-U", "portal", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd="/", **who,
    )  # fmt: skip


def _wait(cluster: Cluster, server: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            cluster.execute("SELECT 1")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > limit:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def new_cluster(*settings: str) -> Iterator[Cluster]:
    """A running cluster with some settings, thrown away in the end."""
    programs = find_postgres()
    assert programs, "PostgreSQL is not installed: `make test` brings it, or says what to install."
    who = _as_another_user()
    # not below pytest's own folder, which only its user may enter
    with tempfile.TemporaryDirectory(prefix="portal-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.chown(folder, who.get("user", -1), who.get("group", -1))
        _make(programs, folder / "store", who)
        cluster = Cluster(folder, programs, who, settings)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.crash()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A running cluster; each worker of a parallel run has its own."""
    with new_cluster(*UNSAFE_BUT_QUICK) as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own."""
    name = postgres_cluster.create()
    yield postgres_cluster.url(name)
    postgres_cluster.drop(name)
