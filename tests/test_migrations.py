"""The migrations: what they make is what the models say, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect

from sisportal.config import load
from sisportal.extensions import db
from sisportal.factory import create_app

# SQLite cannot tell what an index over an expression is made of; the test of usernames looks at it instead.
pytestmark = [
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index"),
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
]


@pytest.fixture
def app(empty_database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(load({"DATA_DIR": str(tmp_path), "DATABASE_URL": empty_database_url}, env_file=None))
    with app.app_context():
        yield app
        db.engine.dispose()


def test_starting_the_portal_makes_no_table(app: Flask) -> None:
    assert inspect(db.engine).get_table_names() == []


def test_the_migrations_make_what_the_models_say(app: Flask) -> None:
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_usernames_are_unique_whatever_their_case(app: Flask) -> None:
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'uq_account_username'"
            if connection.dialect.name == "sqlite"
            else "SELECT indexdef FROM pg_indexes WHERE indexname = 'uq_account_username'"
        ).all()
    assert len(rows) == 1
    assert "UNIQUE" in rows[0][0]
    assert "lower(" in rows[0][0]


def test_the_migrations_can_be_taken_back(app: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="base")
    assert inspect(db.engine).get_table_names() == ["alembic_version"]
