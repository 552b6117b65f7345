"""A worker that is killed while somebody watches."""

import os
import signal
import time
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select, update

from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Sync, SyncState
from sisportal.sandbox.district import District
from sisportal.sandbox.generator import generate
from sisportal.syncing.prepare import prepare, request_sync
from tests.browser import steps
from tests.browser.conftest import Open
from tests.services.processes import Start, children

LONG = 20.0


@pytest.fixture
def district() -> District:
    """Enough people for a commit to take a while."""
    return generate(1500, schools=1)


def state() -> str:
    with db.engine.connect() as connection:
        return str(connection.scalar(select(Sync.state)))


def wait_for(wanted: SyncState) -> None:
    limit = time.monotonic() + LONG
    while state() != wanted:
        assert time.monotonic() < limit
        time.sleep(0.002)


def age() -> None:
    """As if a minute had passed since its worker gave the last sign of life."""
    with db.engine.begin() as connection:
        connection.execute(update(Sync).values(heartbeat_at=utc_now() - timedelta(minutes=1)))


def test_a_commit_whose_worker_is_killed_is_said_to_have_stopped_and_is_continued(
    connected: Flask, address: str, start: Start, open_browser: Open
) -> None:
    with connected.app_context():
        prepare(db.engine, request_sync(db.engine, 1, utc_now()), connected.extensions["open_provider"], utc_now)
        page = open_browser(address)
        steps.sign_in(page)
        page.goto("/syncs/1")
        steps.commit(page)
        expect(page.get_by_text("Waiting for the worker to begin the commit")).to_be_visible()

        worker = start("jobs.worker")
        wait_for(SyncState.COMMITTING)
        for pid in (*children(worker.pid), worker.pid):
            os.kill(pid, signal.SIGKILL)
        assert state() == SyncState.COMMITTING
        age()
        expect(page.get_by_text("The commit stopped half-way")).to_be_visible()

        page.get_by_role("button", name="Continue the commit").click()
        start("jobs.worker")
        expect(page.get_by_text("Committed", exact=True)).to_be_visible(timeout=LONG * 1000)
        expect(page.locator(".counts")).not_to_contain_text("not applied")
