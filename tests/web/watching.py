"""What a page did to the database, and what it says."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from sisportal.extensions import db


@contextmanager
def queries(app: Flask) -> Iterator[list[str]]:
    """The statements that are run while the context lasts."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def words(answer: TestResponse) -> str:
    """The text of a page or part, without its tags and with single spaces."""
    text = re.sub(r"<[^>]+>", " ", answer.text.replace("<wbr>", ""))
    return re.sub(r"\s+([.,])", r"\1", " ".join(html.unescape(text).split()))
