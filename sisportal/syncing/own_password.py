"""Changing the password that one has: by the old one, and with every other browser signed out."""

from datetime import datetime

from sqlalchemy import Engine, select, update

from sisportal.models import Account
from sisportal.models.database import writing
from sisportal.syncing import browser_sessions, notices, sign_in_notices
from sisportal.syncing.administrators import Refused, check_chosen, fits, hashed, words_of
from sisportal.syncing.breached import IsBreached
from sisportal.syncing.password_ways import end_cards, end_links
from sisportal.syncing.review import Who

NOT_YOURS = "That is not your password."


def change(
    engine: Engine, who: Who, current: str, password: str, portal_name: str, now: datetime, is_breached: IsBreached
) -> None:
    """Give whoever is signed in another password and end their sessions everywhere.

    Raises ``Refused`` for ``current`` where that is not the password, and for ``password`` where it cannot be used.
    """
    with engine.connect() as connection:
        account = connection.execute(select(Account.__table__).where(Account.id == who.id)).one()
    if not fits(account.password_hash, current):
        raise Refused("current", NOT_YOURS)
    check_chosen(
        password, (*words_of(account.username, account.first_name, account.last_name), portal_name), is_breached
    )
    values = {"password_hash": hashed(password), "session_version": Account.session_version + 1}
    with writing(engine).begin() as connection:
        same = update(Account).where(Account.id == account.id, Account.password_hash == account.password_hash)
        if connection.execute(same.values(values)).rowcount != 1:
            raise Refused("current", "Your password was changed elsewhere in the meantime.")
        browser_sessions.end_all(connection, [account.id])
        end_links(connection, account.id, now)
        end_cards(connection, account.id, now)
        notices.record(
            connection, "password-changed", who.name, now, actor=who.name, actor_id=who.id, address=who.address
        )
        sign_in_notices.tell(connection, "password-changed", who.id, who, now)
