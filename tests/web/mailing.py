"""A portal with a mail server, for tests of its pages."""

import dataclasses
import re

from flask import Flask
from sqlalchemy import select, update

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, Mail
from sisportal.syncing.mailing import Done, send_due
from sisportal.web.letters import mailer
from tests.services.smtp import MailServerDouble


def with_mail(settings: Settings, double: MailServerDouble) -> Settings:
    return dataclasses.replace(settings, smtp_url=double.url)


def deliver(app: Flask) -> Done:
    """What the worker would do now."""
    with app.app_context():
        return send_due(mailer())


def mails(app: Flask) -> list[tuple[str, int, str]]:
    """(kind, to whom, state) of every mail."""
    with app.app_context(), db.engine.connect() as connection:
        found = connection.execute(select(Mail.kind, Mail.account_id, Mail.state).order_by(Mail.id))
        return [(kind, account_id, state) for kind, account_id, state in found]


def events(app: Flask, event: str) -> list[tuple[str, str]]:
    """(who, of what) of each line of the audit log."""
    with app.app_context(), db.engine.connect() as connection:
        found = select(AuditEvent.actor, AuditEvent.subject).where(AuditEvent.event == event).order_by(AuditEvent.id)
        return [(actor, subject) for actor, subject in connection.execute(found)]


def change(app: Flask, account_id: int, **values: object) -> None:
    with app.app_context():
        db.session.execute(update(Account).where(Account.id == account_id).values(values))
        db.session.commit()


def link_in(text: str) -> str:
    """The path of the link to choose a password."""
    found = re.search(r"/choose-password/[\w-]+", text)
    assert found, text
    return found[0]
