"""Fixtures of the jobs: a portal connected to the sandbox's district, whose queue is a real Redis."""

from collections.abc import Iterator

import pytest
from flask import Flask

from sisportal.config import load
from sisportal.extensions import db
from sisportal.foundation import create_portal, utc_now
from sisportal.models import Mapping
from sisportal.models.database import writing
from sisportal.sandbox.serving import Served
from sisportal.syncing.connections import connect, map_school, remember_schools
from sisportal.syncing.connections import load as load_connection


@pytest.fixture
def portal(environ: dict[str, str], sandbox: Served) -> Iterator[Flask]:
    """The portal, inside its context, with one school of the sandbox as connection 1."""
    app = create_portal(load(environ, env_file=None))
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
