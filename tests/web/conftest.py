"""Fixtures of the pages: a portal on SQLite, a queue that remembers, and browsers of three people."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from sisportal.config import Settings, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.models import Account, AccountRole
from sisportal.syncing import administrators, apps, browser_sessions
from tests.fakes import FakeClock, FakeQueue

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as always, but with less work."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(administrators, "_HASHER", quick)
    monkeypatch.setattr(administrators, "_NOBODY", quick.hash("nobody at all"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def settings(sqlite_store_url: str) -> Settings:
    folder = sqlite_store_url.removeprefix("sqlite:///").rpartition("/")[0]
    given = {"DATA_DIR": folder, "DATABASE_URL": sqlite_store_url, "SECRET_KEY": "made-up"}
    keys = {"CLEVER_CLIENT_ID": "sandbox-client", "CLEVER_CLIENT_SECRET": "sandbox-secret"}
    return load(given | keys, env_file=None)


@pytest.fixture
def bare_app(settings: Settings, clock: FakeClock, queue: FakeQueue) -> Iterator[Flask]:
    """A portal that nobody has set up. CSRF tokens are not asked for, but where a test says so."""
    app = create_app(settings, clock=clock, queue=queue, TESTING=True, WTF_CSRF_ENABLED=False)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(bare_app: Flask) -> Flask:
    """A portal with every app, and Ada, an administrator, Ben, a viewer, and Tom, a teacher. Its clock stands at ``NOW``."""
    people = [("Ada", "Abara", "administrator"), ("Ben", "Chen", "viewer"), ("Tom", "Eze", "teacher")]
    with bare_app.app_context():
        for first, last, role in people:
            username = f"{first.lower()}@example.org"
            db.session.add(
                Account(
                    role=AccountRole(role),
                    roles=[role],
                    username=username,
                    email=username,
                    first_name=first,
                    last_name=last,
                    search=f"{last} {first} {username}".lower(),
                    created_at=NOW,
                )
            )
        for name in apps.APPS:
            apps.install(db.session.connection(), name, NOW)
        db.session.commit()
    return bare_app


def browser(app: Flask, account_id: int | None = None) -> FlaskClient:
    """A browser in which the account is signed in."""
    client = app.test_client()
    if account_id is not None:
        with app.app_context():
            token = browser_sessions.begin(db.engine, account_id, "password", app.extensions["clock"]())
        with client.session_transaction() as session:
            session["_user_id"] = token
    return client


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An administrator's browser; her account has id 1."""
    return browser(app, 1)


@pytest.fixture
def ben(app: Flask) -> FlaskClient:
    """A viewer's browser; his account has id 2."""
    return browser(app, 2)


@pytest.fixture
def tom(app: Flask) -> FlaskClient:
    """A teacher's browser; his account has id 3."""
    return browser(app, 3)


@pytest.fixture
def nobody(app: Flask) -> FlaskClient:
    """A browser in which nobody is signed in."""
    return browser(app)


@pytest.fixture
def client(ada: FlaskClient) -> FlaskClient:
    """The browser of whoever may do everything."""
    return ada
