"""Times every page of a portal that holds a district: ``python -m bench.pages FOLDER DATABASE_URL`` prints JSON."""

import gzip
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, event, func, select, update
from werkzeug.test import TestResponse

from bench.product import Portal, Unexpected, now
from bench.report import TICK
from bench.visits import TICK_ADDRESS, VISITS
from sisportal.config import load
from sisportal.factory import create_app
from sisportal.models import (
    Account,
    AccountLink,
    AccountRole,
    Action,
    Organization,
    SchoolClass,
    SisPerson,
    SisSchool,
    SisSection,
    Sync,
)
from sisportal.models.database import writing
from sisportal.syncing import administrators, apps, import_files, mapping
from sisportal.syncing.connections import DAYS, connect

TIMES = 20
IMPORTED = 200
"""People in the file whose import is shown: two classes of every year."""
EMAIL, PASSWORD = "bench@example.org", "no secret at all"  # of a portal that lives for minutes

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Queries:
    """Counts the statements of an engine, the beginnings of transactions aside."""

    def __init__(self, engine: Engine) -> None:
        self.number = 0
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.number += not statement.startswith("BEGIN")


def measure(folder: Path, url: str, times: int = TIMES) -> list[dict[str, Any]]:
    """The figures of every page, and of saving a tick. Raises ``Unexpected`` where a page does not answer as it should."""
    with Portal(folder, url) as portal:
        plan_edits(portal)
        organize(portal)
        with portal.engine.connect() as connection:
            names = _names(connection)
        bench = administrators.make_administrator(portal.engine, EMAIL, PASSWORD, now(), actor="bench")
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as data:
        names["upload"] = import_files.keep(Path(data), bench, people(IMPORTED), now())
        app = create_app(load({"DATA_DIR": data, "DATABASE_URL": url, "SECRET_KEY": "bench"}, env_file=None))
        with app.app_context():
            engine = app.extensions["sqlalchemy"].engine
        try:
            return _measured(app, engine, names, times)
        finally:
            engine.dispose()


def plan_edits(portal: Portal) -> int:
    """Make every student's account differ from what the SIS says, and prepare a sync that would edit them; its id."""
    with writing(portal.engine).begin() as connection:
        connection.execute(update(Account).where(Account.role == AccountRole.STUDENT).values(grade="another"))
        connection.execute(update(AccountLink).values(written={}, written_fingerprint=None))
    return portal.prepare()


def organize(portal: Portal) -> None:
    """Enable every app, put everybody and every class into one organization, and set up files: pages are measured full."""
    with writing(portal.engine).begin() as connection:
        for name in apps.APPS:
            apps.install(connection, name, now())
        made = mapping.make_organization(connection, "Bench", "", now())
        for table in (Account, SchoolClass):
            connection.execute(update(table).values(organization_id=made))
    connect(portal.engine, "csv", dict.fromkeys(DAYS, ""), None, now())


def people(number: int) -> bytes:
    """A file for the import with so many new students."""
    rows = (f"student,new-{each},Ada,Newcomer {each}" for each in range(number))
    return "\n".join(("role,username,first_name,last_name", *rows)).encode()


def _measured(app: Flask, engine: Engine, names: dict[str, str], times: int) -> list[dict[str, Any]]:
    queries, client = Queries(engine), _browser(app)
    figures = [
        _timed(visit.what, times, queries, partial(_visit, client, visit.address.format(**names))) for visit in VISITS
    ]
    token = _token(client, f"/syncs/{names['plan']}/actions")
    path, headers = TICK_ADDRESS.format(**names), {"HX-Request": "true"}

    def tick(number: int) -> TestResponse:
        form = {"csrf_token": token} | ({"ticked": "on"} if number % 2 else {})
        return client.post(path, data=form, headers=headers)

    return [*figures, _timed(TICK, 2 * times, queries, tick)]


def _visit(client: FlaskClient, path: str, _number: int) -> TestResponse:
    return client.get(path)


def _timed(what: str, times: int, queries: Queries, ask: Callable[[int], TestResponse]) -> dict[str, Any]:
    """The first answer's milliseconds, and those of ``times`` more."""
    first, answer, _ = _asked(what, queries, ask, 0)
    others: list[float] = []
    most = 0
    for number in range(1, times + 1):
        milliseconds, answer, statements = _asked(what, queries, ask, number)
        others.append(milliseconds)
        most = max(most, statements)
    others.sort()
    return {
        "what": what,
        "first": first,
        "p50": others[len(others) // 2],
        "p95": others[-(-len(others) * 95 // 100) - 1],
        "queries": most,
        "bytes": len(answer.data),
        "gzip_bytes": len(gzip.compress(answer.data, 6)),
    }


def _asked(
    what: str, queries: Queries, ask: Callable[[int], TestResponse], number: int
) -> tuple[float, TestResponse, int]:
    """Milliseconds, answer and statements of one request."""
    before, begun = queries.number, time.perf_counter()
    answer = ask(number)
    milliseconds = (time.perf_counter() - begun) * 1000
    if answer.status_code != 200:
        raise Unexpected(f"{what}: {answer.status_code} {answer.location or ''}")
    return milliseconds, answer, queries.number - before


def _names(connection: Connection) -> dict[str, str]:
    """What the addresses of visits are filled with: something from the middle of each list."""

    def middle(column: Any, *conditions: Any) -> Any:
        number = connection.scalar(select(func.count()).select_from(column.class_).where(*conditions)) or 0
        ordered = select(column).where(*conditions).order_by(column.class_.id)
        return connection.scalar(ordered.limit(1).offset(number // 2))

    plan, first = (connection.scalar(select(which(Sync.id))) for which in (func.max, func.min))
    student = middle(SisPerson.source_id, SisPerson.role == "student")
    found = {
        "plan": plan,
        "first": first,
        "school": middle(SisSchool.source_id),
        "student": student,
        "teacher": middle(SisPerson.source_id, SisPerson.role == "teacher"),
        "section": middle(SisSection.source_id),
        "account": middle(Account.id, Account.role == AccountRole.STUDENT),
        "class_": middle(SchoolClass.id),
        "no_session": middle(SchoolClass.id, SchoolClass.parent_id.is_(None)),
        "organization": middle(Organization.id),
        "action": middle(Action.id, Action.sync_id == plan),
        "section_action": middle(Action.id, Action.sync_id == first, Action.type == "section"),
        "word": (connection.scalar(select(SisPerson.search).where(SisPerson.source_id == student)) or "").split(" ")[0],
    }
    return {name: str(value) for name, value in found.items()}


def _browser(app: Flask) -> FlaskClient:
    """A browser in which the administrator has signed in."""
    client = app.test_client()
    form = {"username": EMAIL, "password": PASSWORD, "csrf_token": _token(client, "/sign-in")}
    answer = client.post("/sign-in", data=form)
    if answer.status_code != 303:
        raise Unexpected(f"signing in: {answer.status_code}")
    return client


def _token(client: FlaskClient, path: str) -> str:
    """The token against forged requests of the forms on a page."""
    found = _TOKEN.search(client.get(path).text)
    if found is None:
        raise Unexpected(f"{path} has no form")
    return found[1]


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2])))
