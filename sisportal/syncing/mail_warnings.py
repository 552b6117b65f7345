"""What could not be mailed, as a warning of the sync that caused the mail (SPEC 3.3, option 4)."""

from sqlalchemy import Connection, select

from sisportal.models import AccountLink, Action, Mail, MailKind, MailState, Sync
from sisportal.roster.records import Problem
from sisportal.syncing.actions import warning_row, write_warnings
from sisportal.syncing.outbox import Claimed

STAGE = "mail"
_CODES = {MailState.BOUNCED: "mail-bounced", MailState.FAILED: "mail-failed"}


def warn(connection: Connection, mail: Claimed, state: MailState, answer: str) -> None:
    """Add a warning where a mail about a new account did not reach its mail server's next one; else do nothing."""
    code = _CODES.get(state)
    if code is None or mail.kind is not MailKind.ACCOUNT_MADE or mail.sync_id is None:
        return
    about = (
        select(Action.id, Action.type, Action.source_id, Action.school)
        .join(AccountLink, AccountLink.source_id == Action.source_id)
        .join(Sync, (Sync.id == Action.sync_id) & (Sync.connection_id == AccountLink.connection_id))
        .where(AccountLink.account_id == mail.account_id, Action.sync_id == mail.sync_id)
        .where(Action.type.in_(("student", "teacher")))
        .limit(1)
    )
    row = connection.execute(about).one_or_none()
    address = connection.scalar(select(Mail.recipient).where(Mail.id == mail.id)) or ""
    value = address if state is MailState.BOUNCED else answer
    problem = (
        Problem(code, row.type, row.source_id, "email", value, row.school)
        if row
        else Problem(code, field="email", value=value)
    )
    write_warnings(connection, [warning_row(mail.sync_id, row.id if row else None, STAGE, problem)])
