"""The sample district as a connection: tried, a day passes in it, served while it is wanted; made-up people only (SPEC 2.1)."""

import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from sqlalchemy import Connection, Engine, Row, select

from sisportal import sample
from sisportal.models import ConnectionKind, SisConnection
from sisportal.models.database import writing
from sisportal.providers.base import ProviderError
from sisportal.providers.http import BoundedSession
from sisportal.syncing import apps, notices
from sisportal.syncing.connections import change_settings, connect_in
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.review import Who
from sisportal.syncing.states import NotAllowed

KIND = ConnectionKind.CLEVER
SAMPLE = "sample"
"""Setting of the connection that reads the sample district."""
BY_HAND = ".venv/bin/python -m jobs.sample"
"""What to type where the portal's processes are not started by ``make run`` or from the Procfile."""
START_SECONDS = 20.0
KEEPER_SECONDS = 2.0
"""So long the process that serves it may still be starting itself."""
ABANDONED = 120.0
"""Seconds after which a district that nothing was connected to is no longer wanted."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_GLANCE = 0.1
_TIMEOUT = (2.0, 10.0)

NOT_LOOKED_AFTER = f"No process serves the sample district. Type {BY_HAND} in the portal's folder on the server, leave it running, and try again."
NO_ANSWER = (
    "The sample district does not answer yet. It is started again by itself: try again in a moment. "
    "If that does not help, the terminal of the portal says why."
)
AWAY = "The sample district did not answer, so nothing was read. It is started again by itself: start the sync again in a moment."
"""Why a sync of it failed."""


class _Summary(msgspec.Struct):
    today: date


def is_sample(settings: dict[str, Any]) -> bool:
    """Whether a connection with these settings reads the sample district."""
    return bool(settings.get(SAMPLE))


def require_none(connection: Connection) -> None:
    """Raise ``NotAllowed`` where the sample cannot be tried, because a district is connected already."""
    row = held(connection)
    if row is not None:
        which = "The sample district" if is_sample(row.settings) else "A district"
        raise NotAllowed(f"{which} is connected already.")


def held(connection: Connection) -> Row[Any] | None:
    """The connection of the kind that the sample is tried with."""
    return connection.execute(select(SisConnection.__table__).where(SisConnection.kind == KIND)).one_or_none()


def try_it(engine: Engine, data_dir: Path, cipher: Cipher, portal_url: str, who: Who, now: datetime) -> int:
    """Have the sample district served, and connect it; the connection's id. Raises ``NotAllowed`` with a sentence."""
    with engine.connect() as connection:
        require_none(connection)
    url = _started(data_dir)
    # Its people can sign in where the browser is on this machine: the district listens nowhere else.
    signs_in = urlsplit(portal_url).hostname in _LOOPBACK
    settings = {SAMPLE: True, "base_url": url, "login_url": url, "client_id": sample.CLIENT_ID if signs_in else ""}
    secrets = {"token": sample.TOKEN} | ({"client_secret": sample.CLIENT_SECRET} if signs_in else {})
    with writing(engine).begin() as connection:
        require_none(connection)  # somebody may have connected their own district while it started
        connection_id = connect_in(connection, KIND, settings, cipher.encrypt(secrets), now)
        apps.install(connection, KIND, now)
        notices.record(
            connection, "sample-tried", "sample district", now, actor=who.name, actor_id=who.id, address=who.address
        )
    return connection_id


def _started(data_dir: Path) -> str:
    """The address of the district, once it answers there. Raises ``NotAllowed``."""
    if not _within(KEEPER_SECONDS, lambda: sample.is_looked_after(data_dir)):
        raise NotAllowed(NOT_LOOKED_AFTER)
    sample.want(data_dir)
    if not _within(START_SECONDS, lambda: answers(sample.address(data_dir))):
        sample.let_go(data_dir)
        raise NotAllowed(NO_ANSWER)
    return sample.address(data_dir)


def _within(seconds: float, happens: Callable[[], bool]) -> bool:
    limit = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > limit:
            return False
        time.sleep(_GLANCE)
    return True


def answers(url: str) -> bool:
    """Whether the sample district is there."""
    try:
        return bool(url and _today(url))
    except NotAllowed:
        return False


def pass_day(engine: Engine, url: str, who: Who, now: datetime) -> date:
    """Let a day pass in the district; the date that it is there then. Raises ``NotAllowed``."""
    _ask(url, "/sandbox/do", '{"do": "pass-day"}')
    today = _today(url)
    with writing(engine).begin() as connection:
        notices.record(
            connection, "sample-day-passed", "sample district", now,
            actor=who.name, actor_id=who.id, address=who.address, day=today.isoformat(),
        )  # fmt: skip
    return today


def settle(engine: Engine, data_dir: Path, now: datetime) -> None:
    """Have the district served exactly while its connection is enabled, and follow it to another address."""
    with engine.connect() as connection:
        row = held(connection)
        wants = row is not None and is_sample(row.settings) and row.enabled and not apps.is_off(connection, KIND)
    if row is None and sample.wanted_for(data_dir) < ABANDONED:
        return  # somebody is just about to connect it
    if not wants:
        sample.let_go(data_dir)
        return
    sample.want(data_dir)
    url = sample.address(data_dir)
    if row is not None and url and url != row.settings["base_url"]:
        change_settings(engine, row.id, now, base_url=url, login_url=url)


def _today(url: str) -> date:
    return msgspec.json.decode(_ask(url, "/sandbox"), type=_Summary).today


def _ask(url: str, path: str, body: str = "") -> bytes:
    """What the district's own page answers: never Clever's part. Raises ``NotAllowed`` where nothing answers."""
    session, plain = BoundedSession(), {"Content-Type": "application/json"}
    try:
        if body:
            answer = session.post(url + path, headers=plain, data=body, timeout=_TIMEOUT, allow_redirects=False)
        else:
            answer = session.get(url + path, headers=plain, timeout=_TIMEOUT, allow_redirects=False)
    except (requests.RequestException, ProviderError) as error:
        raise NotAllowed(NO_ANSWER) from error
    if answer.status_code != 200:
        raise NotAllowed(NO_ANSWER)
    return answer.content
