"""Monday at 8: students who sign in within a minute, through the web process as it is configured.

``python -m bench.signing_in`` starts gunicorn with the project's own configuration on a free port of this machine, beside the
sandbox's Clever, and lets every student click through: with Clever, then with a password. Prints a table; exit code 1 where
anybody was not signed in.
"""

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests
from flask import Flask
from sqlalchemy import select, update

from sisportal.commands.tables import bring_up_to_date
from sisportal.config import PROJECT, load
from sisportal.extensions import db
from sisportal.factory import create_app
from sisportal.models import Account, AccountLink, Mapping
from sisportal.models.database import writing
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from sisportal.syncing.administrators import hashed, make_administrator
from sisportal.syncing.commit import commit
from sisportal.syncing.connections import connect, map_school, remember_schools
from sisportal.syncing.connections import load as load_connection
from sisportal.syncing.prepare import prepare, request_sync

PASSWORD = "a password for everybody"  # noqa: S105 - of made-up people, for as long as this runs
START_SECONDS, ANSWER_SECONDS = 30, 60


class Student(NamedTuple):
    """Somebody who signs in."""

    person: str
    username: str


class Outcome(NamedTuple):
    """How one of them fared: seconds from the first click to their classes, and what went wrong, blank for nothing."""

    seconds: float
    error: str


def with_clever(base: str, clever: str, student: Student) -> Callable[[], str]:
    """Be signed in to Clever, then click the button; what came back in the end."""
    session = requests.Session()
    session.get(f"{clever}/portal", params={"person": student.person, "role": "student"}, timeout=ANSWER_SECONDS)

    def click() -> str:
        session.get(f"{base}/sign-in", timeout=ANSWER_SECONDS)
        return session.get(f"{base}/clever/sign-in", timeout=ANSWER_SECONDS).text

    return click


def with_password(base: str, _clever: str, student: Student) -> Callable[[], str]:
    """Open the sign-in page, type, and send."""
    session = requests.Session()

    def click() -> str:
        page = session.get(f"{base}/sign-in", timeout=ANSWER_SECONDS).text
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        entered = {"username": student.username, "password": PASSWORD, "csrf_token": token}
        return session.post(f"{base}/sign-in", data=entered, timeout=ANSWER_SECONDS).text

    return click


WAYS = {"with Clever": with_clever, "with a password": with_password}


def tried(click: Callable[[], str], wait: float) -> Outcome:
    """Click at the moment that is this student's."""
    time.sleep(wait)
    begun = time.perf_counter()
    try:
        page = click()
    except requests.RequestException as error:
        return Outcome(time.perf_counter() - begun, type(error).__name__)
    title = page.partition("<h1>")[2].partition("</h1>")[0]
    return Outcome(time.perf_counter() - begun, "" if "My classes" in page else title or "no page")


def rush(clicks: list[Callable[[], str]], seconds: float) -> list[Outcome]:
    """Everybody within so many seconds, each at a moment of their own; the same ones in every run."""
    chance = random.Random(8)
    moments = [chance.uniform(0, seconds) for _ in clicks]
    with ThreadPoolExecutor(len(clicks)) as pool:
        return list(pool.map(tried, clicks, moments))


def line(way: str, seconds: float, outcomes: list[Outcome]) -> str:
    """A row of the table."""
    times = sorted(outcome.seconds * 1000 for outcome in outcomes)
    p95 = times[max(0, round(0.95 * len(times)) - 1)]
    wrong = Counter(outcome.error for outcome in outcomes if outcome.error)
    errors = ", ".join(f"{number} {what}" for what, number in wrong.items()) or "none"
    middle = statistics.median(times)
    return (
        f"| {way} | {len(times)} | {seconds:.0f} s | {middle:.0f} ms | {p95:.0f} ms | {times[-1]:.0f} ms | {errors} |"
    )


@contextmanager
def portal(folder: Path, served: Served, number: int) -> Iterator[tuple[str, list[Student]]]:
    """A portal after its first commit, behind gunicorn; its address, and that many of its students."""
    port = free_port()
    environ = {"DATA_DIR": str(folder), "PORT": str(port), "CLEVER_LOGIN_URL": served.url, "CLEVER_API_URL": served.url}
    environ |= {"CLEVER_CLIENT_ID": "sandbox-client", "CLEVER_CLIENT_SECRET": "sandbox-secret"}
    settings = load(environ, env_file=None)
    served.sandbox.login.redirect_uris = [f"{settings.base_url}/clever/callback"]
    app = create_app(settings)
    with app.app_context():
        students = filled(app, served, number)
        db.engine.dispose()
    command = [sys.executable, "-m", "gunicorn", "--log-level", "warning", "app:app"]
    web = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environ)
    try:
        wait_for(settings.base_url)
        yield settings.base_url, students
    finally:
        web.terminate()
        web.wait()


def filled(app: Flask, served: Served, number: int) -> list[Student]:
    """Everything that the district has, and a password for each of those who will sign in."""
    found, now = app.extensions, app.extensions["clock"]
    bring_up_to_date(db.engine)
    make_administrator(db.engine, "ada@example.org", PASSWORD, now(), actor="bench")
    secrets = found["cipher"].encrypt({"token": served.sandbox.token})
    connection_id = connect(db.engine, "clever", {"base_url": served.url}, secrets, now())
    with writing(db.engine).begin() as connection:
        schools = found["open_provider"](load_connection(connection, connection_id)).schools()
        remember_schools(connection, connection_id, schools, now())
        for school in schools:
            map_school(connection, connection_id, school.source_id, Mapping.MAPPED, None, now())
    sync_id = request_sync(db.engine, connection_id, now())
    prepare(db.engine, sync_id, found["open_provider"], now)
    commit(db.engine, sync_id, now)
    with writing(db.engine).begin() as connection:
        connection.execute(update(Account).where(Account.role == "student").values(password_hash=hashed(PASSWORD)))
        statement = select(AccountLink.source_id, Account.username).join(Account, Account.id == AccountLink.account_id)
        rows = connection.execute(statement.where(Account.role == "student").limit(number))
        return [Student(row[0], row[1]) for row in rows]


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        return int(there.getsockname()[1])


def wait_for(url: str) -> None:
    """Until the web process answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            requests.head(f"{url}/sign-in", timeout=START_SECONDS)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.signing_in", description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60, help="within which all of them come")
    asked = parser.parse_args()
    print("| way | students | within | p50 | p95 | slowest | errors |\n|---|---|---|---|---|---|---|", flush=True)
    wrong = 0
    district = generate(max(asked.students, 60))
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(create_sandbox(district)) as served,
        portal(Path(folder), served, asked.students) as (base, students),
    ):
        for way, prepared in WAYS.items():
            outcomes = rush([prepared(base, served.url, student) for student in students], asked.seconds)
            print(line(way, asked.seconds, outcomes), flush=True)
            wrong += sum(bool(outcome.error) for outcome in outcomes)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
