"""The ways to another password that lie about, in mailboxes and on paper: they end when a password was chosen or set."""

from datetime import datetime

from sqlalchemy import Connection, update

from sisportal.models import LoginCard, PasswordLink


def end_links(connection: Connection, account_id: int, now: datetime) -> int:
    """End every link of an account that is still good; how many there were."""
    good = update(PasswordLink).where(PasswordLink.account_id == account_id, PasswordLink.ended_at.is_(None))
    return connection.execute(good.values(ended_at=now)).rowcount


def end_cards(connection: Connection, account_id: int, now: datetime, *, used: bool = False) -> None:
    """End every login card of an account that is still good."""
    good = update(LoginCard).where(LoginCard.account_id == account_id, LoginCard.ended_at.is_(None))
    connection.execute(good.values(ended_at=now, used=used))
