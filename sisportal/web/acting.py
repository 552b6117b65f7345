"""Whoever acts in a view, for the stages and the audit log; and the way out of the request's own transaction."""

from flask import request
from sqlalchemy import Engine

from sisportal.extensions import db
from sisportal.syncing.review import Who
from sisportal.web.access import current


def who() -> Who:
    """The person who is signed in, and the address of their request."""
    account = current()
    return Who(account.username, account.id, request.remote_addr or "")


def released_engine() -> Engine:
    """The engine, after the transaction of this request has ended: a stage that writes would else wait for it."""
    db.session.commit()
    return db.engine
