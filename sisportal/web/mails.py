"""Admin > Mail: whether mail can be sent, a test of it, and what was sent, waits or did not arrive."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, request, url_for
from sqlalchemy import ColumnElement, Connection, Select, select

from sisportal.extensions import db
from sisportal.models import Account, Mail, MailKind, MailState
from sisportal.models.database import writing
from sisportal.roster.text import folded
from sisportal.syncing import mailing, notices, outbox
from sisportal.syncing.audit_events import Event
from sisportal.syncing.mailing import SENDER, is_address, sender_of
from sisportal.syncing.queue import QueueGone
from sisportal.syncing.settings import read_setting, write_setting
from sisportal.web.access import Rule, access, current
from sisportal.web.acting import released_engine, who
from sisportal.web.directory_words import listed_name
from sisportal.web.letters import mailer
from sisportal.web.lists import MOST_WORDS, asked_choice, asked_search, asked_sort, ordered, page_of
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab, url_with

blueprint = Blueprint("mails", __name__, url_prefix="/admin/mail")

KINDS = {
    MailKind.ACCOUNT_MADE: "New account",
    MailKind.PASSWORD_RESET: "Forgotten password",
    MailKind.SIGN_IN: "Signing in changed",
    MailKind.NOTIFICATION: "Copy of a notification",
    MailKind.TEST: "Test",
}
STATES = {
    MailState.WAITING: ("Waiting", "info"),
    MailState.SENDING: ("Being sent", "info"),
    MailState.SENT: ("Sent", "success"),
    MailState.BOUNCED: ("Bounced", "danger"),
    MailState.FAILED: ("Failed", "danger"),
    MailState.DROPPED: ("Dropped", "neutral"),
}
"""Label and tone."""
SORTS = {"newest": [Mail.id]}


@blueprint.get("")
@access(Rule.READ)
def listing() -> Response:
    return _page()


@blueprint.post("/test")
@access(Rule.WRITE)
def test() -> Response:
    """A test mail to whoever asks for it, at once, with what the mail server says."""
    account = current()
    if not account.email:
        flash("Your account has no e-mail address to send a test mail to.", "warning")
        return redirect_for(url_for(".listing"))
    released_engine()
    problem = mailing.send_test(mailer(), account.id, account.email)
    if problem:
        flash(f"The test mail was not sent. {problem}", "danger")
    else:
        flash(f"The mail server took a test mail to {account.email}. See whether it arrives.", "success")
    return redirect_for(url_for(".listing"))


@blueprint.post("/sender")
@access(Rule.WRITE)
def set_sender() -> Response:
    """The address that mail comes from; blank for the usual one."""
    entered, asker = request.form.get("sender", "").strip(), who()
    if entered and not is_address(entered):
        return _page(422, entered, "That is no e-mail address; one looks like portal@example.org.")
    with writing(released_engine()).begin() as connection:
        if str(read_setting(connection, SENDER) or "") != entered:
            write_setting(connection, SENDER, entered)
            notices.record(
                connection, "settings-changed", "mail", now(), actor=asker.name, actor_id=asker.id,
                address=asker.address, sender=entered,
            )  # fmt: skip
    flash("Mail comes from the address that you chose." if entered else "Mail comes from the usual address.", "success")
    return redirect_for(url_for(".listing"))


@blueprint.post("/<int:mail_id>/retry")
@access(Rule.WRITE)
def retry(mail_id: int) -> Response:
    """Send one again."""
    return _retry(mail_id)


@blueprint.post("/retry")
@access(Rule.WRITE)
def retry_failed() -> Response:
    """Send every one again that failed."""
    return _retry(None)


@blueprint.post("/give-up")
@access(Rule.WRITE)
def give_up() -> Response:
    """Drop every mail that waits."""
    asker = who()
    with writing(released_engine()).begin() as connection:
        number = outbox.drop_waiting(connection, now(), asker.name)
        _record(connection, "mails-given-up", number)
    flash(f"{number:,} {'mail' if number == 1 else 'mails'} will not be sent.", "success")
    return redirect_for(url_for(".listing"))


def _retry(mail_id: int | None) -> Response:
    engine = released_engine()
    with writing(engine).begin() as connection:
        number = outbox.retry(connection, now(), mail_id)
        if number:
            _record(connection, "mails-sent-again", number)
        due = outbox.next_due(connection, now())
    if number and due is not None:
        _kick(due)
        flash(f"{number:,} {'mail is' if number == 1 else 'mails are'} sent again.", "success")
    else:
        flash("There was nothing to send again.", "warning")
    return redirect_for(url_with(url_for(".listing"), **request.args.to_dict()))


def _kick(mail_id: int) -> None:
    try:
        current_app.extensions["queue"].send_mail(mail_id)
    except QueueGone as gone:
        flash(str(gone), "warning")


def _record(connection: Connection, event: Event, number: int) -> None:
    asker = who()
    notices.record(
        connection, event, "mail", now(), actor=asker.name, actor_id=asker.id, address=asker.address, mails=number
    )


def _page(status: int = 200, sender: str | None = None, error: str = "") -> Response:
    ids, pages = page_of(_asked())
    rows = {row.id: row for row in db.session.execute(_shown().where(Mail.id.in_(ids)))}
    connection, server = db.session.connection(), mailer().server
    return render_tab(
        "mails/mails.html",
        status=status,
        server=server,
        trouble=outbox.trouble(connection),
        numbers=outbox.counts(connection),
        usual=sender_of(connection, server, current_app.extensions["settings"].base_url),
        sender=str(read_setting(connection, SENDER) or "") if sender is None else sender,
        error=error,
        rows=[rows[id_] for id_ in ids],
        pages=pages,
        kinds=KINDS,
        states=STATES,
        ended=outbox.ENDED,
        again=(MailKind.ACCOUNT_MADE, MailKind.NOTIFICATION, MailKind.SIGN_IN),
        listed_name=listed_name,
        sort=asked_sort(SORTS, "-newest"),
        **_filters(),
    )


def _filters() -> dict[str, str]:
    return {
        "search": asked_search(),
        "state": asked_choice("state", list(MailState)),
        "kind": asked_choice("kind", list(MailKind)),
    }


def _asked() -> Select[Any]:
    """The ids of every mail that the URL asks for, in its order."""
    filters = _filters()
    conditions: list[ColumnElement[bool]] = [
        Account.search.contains(word, autoescape=True) | Mail.recipient.icontains(word, autoescape=True)
        for word in folded(filters["search"]).split()[:MOST_WORDS]
    ]
    if filters["state"]:
        conditions.append(Mail.state == filters["state"])
    if filters["kind"]:
        conditions.append(Mail.kind == filters["kind"])
    statement = select(Mail.id).join(Account, Account.id == Mail.account_id).where(*conditions)
    return ordered(statement, SORTS, asked_sort(SORTS, "-newest"))


def _shown() -> Select[*tuple[Any, ...]]:
    return select(
        Mail.id, Mail.kind, Mail.state, Mail.account_id, Mail.sync_id, Mail.recipient, Mail.attempts, Mail.answer,
        Mail.created_at, Mail.next_at, Mail.ended_at, Account.first_name, Account.preferred_name, Account.last_name,
        Account.username, Account.email,
    ).join(Account, Account.id == Mail.account_id)  # fmt: skip
