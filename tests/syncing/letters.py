"""A mailer for tests: letters without templates, on a clock that is told to move."""

from typing import Any

from sqlalchemy import Engine

from sisportal.models import MailKind
from sisportal.syncing.mailing import Letter, Mailer
from sisportal.syncing.smtp import server_of
from tests.fakes import FakeClock

BASE_URL = "https://portal.example.org"


def compose(kind: MailKind, needs: dict[str, Any]) -> Letter:
    """Subject: the kind. Text: the link or the text, and the path."""
    text = str(needs.get("link") or needs.get("text") or "")
    return Letter(str(kind), f"{text}\n{needs.get('path', '')}", f"<p>{needs['username']}</p>")


def mailer(engine: Engine, clock: FakeClock, url: str) -> Mailer:
    return Mailer(engine, clock, server_of(url), "made-up", BASE_URL, compose)
