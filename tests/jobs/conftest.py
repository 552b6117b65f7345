"""Fixtures of the jobs: a portal connected to the sandbox's district, whose queue is a real Redis."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app, utc_now
from sisportal.models import Mapping
from sisportal.models.database import writing
from sisportal.sandbox.serving import Served
from sisportal.syncing.connections import connect, map_school, remember_schools
from sisportal.syncing.connections import load as load_connection


@pytest.fixture
def environ(tmp_path: Path, sqlite_store_url: str, redis_url: str) -> dict[str, str]:
    """What a process of this portal is started with."""
    return {
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": sqlite_store_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "made-up",
    }


@pytest.fixture
def portal(environ: dict[str, str], sandbox: Served) -> Iterator[Flask]:
    """The portal, inside its context, with one school of the sandbox as connection 1."""
    app = create_app(load(environ, env_file=None))
    extensions = app.extensions
    with app.app_context():
        secrets = extensions["cipher"].encrypt({"token": sandbox.sandbox.token})
        connection_id = connect(db.engine, "clever", {"base_url": sandbox.url}, secrets, utc_now())
        with writing(db.engine).begin() as connection:
            schools = extensions["open_provider"](load_connection(connection, connection_id)).schools()
            remember_schools(connection, connection_id, schools, utc_now())
            map_school(connection, connection_id, schools[0].source_id, Mapping.MAPPED, None, utc_now())
        yield app
        db.engine.dispose()


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts a module of the portal as a process; whatever still runs in the end is ended."""
    with ExitStack() as processes:

        def start(module: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", module]
            process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environ)
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield start
