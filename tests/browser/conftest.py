"""Fixtures of the browser tests: browsers that are watched, and a portal that answers them from a thread."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from sisportal.config import load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.foundation import utc_now
from sisportal.models import Mapping
from sisportal.models.database import writing
from sisportal.sandbox.serving import Served
from sisportal.syncing.administrators import set_up
from sisportal.syncing.apps import APPS, install
from sisportal.syncing.breached import breached_by
from sisportal.syncing.connections import connect, map_school, remember_schools
from sisportal.syncing.connections import load as load_connection
from tests.browser import steps
from tests.browser.watching import Watch

Open = Callable[..., Page]


@pytest.fixture
def open_browser(browser: Browser) -> Iterator[Open]:
    """Opens a page: ``open_browser(portal's address, viewport=..., java_script_enabled=...)``.

    In the end nothing may have gone wrong in it that the test did not look at.
    """
    watches: list[Watch] = []
    with ExitStack() as contexts:

        def open_browser(portal: str, **options: Any) -> Page:
            context = contexts.enter_context(browser.new_context(base_url=portal, **options))
            watches.append(Watch(context, portal))
            return context.new_page()

        yield open_browser
    assert [complaint for watch in watches for complaint in watch.complaints] == []


@pytest.fixture
def portal(environ: dict[str, str]) -> Iterator[Flask]:
    """The portal on this test's database and queue, with nothing in it yet."""
    app = create_app(load(environ, env_file=None))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def address(portal: Flask) -> Iterator[str]:
    """Where a browser reaches the portal."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, portal, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def connected(portal: Flask, sandbox: Served) -> Flask:
    """The same, with Ada as its administrator and the sandbox's first school chosen."""
    with portal.app_context():
        engine, now = db.engine, utc_now()
        set_up(
            engine, email=steps.EMAIL, password=steps.PASSWORD, first_name="Ada", last_name="Lovelace",
            name="Lincoln School", timezone="Europe/Stockholm", now=now, address="", is_breached=breached_by(""),
        )  # fmt: skip
        secrets = portal.extensions["cipher"].encrypt({"token": sandbox.sandbox.token})
        connection_id = connect(engine, "clever", {"base_url": sandbox.url}, secrets, now)
        with writing(engine).begin() as connection:
            for name in APPS:
                install(connection, name, now)
            facts = load_connection(connection, connection_id)
            schools = portal.extensions["open_provider"](facts).schools()
            remember_schools(connection, connection_id, schools, now)
            map_school(connection, connection_id, schools[0].source_id, Mapping.MAPPED, None, now)
    return portal
