"""The text of each mail from its three templates, and the mailer that sends it."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app

from sisportal.extensions import db
from sisportal.models import MailKind
from sisportal.syncing.mailing import Letter, Mailer
from sisportal.syncing.smtp import server_of
from sisportal.web.formats import local


def mailer() -> Mailer:
    """What this portal sends mail with."""
    portal = current_app.extensions
    settings = portal["settings"]
    return Mailer(
        engine=db.engine,
        clock=portal["clock"],
        server=server_of(settings.smtp_url),
        secret_key=settings.secret_key,
        base_url=settings.base_url,
        compose=compose,
    )


def compose(kind: MailKind, needs: dict[str, Any]) -> Letter:
    """A letter from ``templates/mail/``: subject, text and HTML."""
    shown = dict(needs)
    if "until" in shown:
        shown["until"] = local(shown["until"], ZoneInfo(shown["timezone"]))
    parts = (f"mail/{kind}.subject.txt", f"mail/{kind}.txt", f"mail/{kind}.html")
    return Letter(*(current_app.jinja_env.get_template(part).render(shown).strip() for part in parts))
