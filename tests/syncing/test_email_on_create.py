"""Option 4: whoever a commit makes an account for is written to, once, and what does not arrive is a warning of the sync."""

import pytest
from sqlalchemy import update

from sisportal.models import Account, Mail, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.syncing import outbox
from sisportal.syncing.mailing import is_address, send_due
from tests.fakes import FakeClock
from tests.services.smtp import MailServerDouble
from tests.syncing.letters import mailer
from tests.syncing.portal import START, Portal


def addresses(portal: Portal) -> list[str]:
    """Those that mail can be sent to: the district has a few that are none."""
    return sorted(row.email for row in portal.rows(Account) if is_address(row.email))


def test_everybody_with_an_address_is_written_to_when_the_option_is_on(
    portal: Portal, mail_server: MailServerDouble
) -> None:
    portal.option("email_on_create", "yes")
    sync_id = portal.sync_all()
    assert len(addresses(portal)) < len(portal.rows(Mail)) < len(portal.rows(Account))
    done = send_due(mailer(portal.engine, FakeClock(portal.now), mail_server.url))
    assert done.trouble == ""
    assert sorted(mail_server.recipients) == addresses(portal)
    assert {row.sync_id for row in portal.rows(Mail)} == {sync_id}
    told = [value for _, _, value in portal.warnings(sync_id, "mail")]
    assert told == sorted(row.email for row in portal.rows(Account) if row.email and not is_address(row.email))


def test_nobody_is_written_to_unless_it_is(quick_portal: Portal) -> None:
    quick_portal.sync_all()
    assert quick_portal.rows(Mail) == []


def test_who_was_there_already_is_not_written_to(quick_portal: Portal) -> None:
    quick_portal.sync_all()
    quick_portal.option("email_on_create", "yes")
    quick_portal.pass_day(seed=1, pace=12)
    quick_portal.sync_all()
    fresh = {row.id for row in quick_portal.rows(Account) if row.created_at.date() > START.date() and row.email}
    assert {row.account_id for row in quick_portal.rows(Mail)} == fresh


def test_who_leaves_and_comes_back_is_written_to_once(quick_portal: Portal, mail_server: MailServerDouble) -> None:
    quick_portal.option("email_on_create", "yes")
    quick_portal.sync_all()
    post = mailer(quick_portal.engine, FakeClock(quick_portal.now), mail_server.url)
    send_due(post)
    before = len(mail_server.mails)
    district = quick_portal.served.sandbox.district
    who = next(person for person in district.people if person.student is not None and person.email)
    edits.leave(district, who.id)
    quick_portal.sync_all()
    edits.come_back(district, who.id)
    quick_portal.sync_all()
    send_due(post)
    assert len(mail_server.mails) == before


def test_who_left_before_the_mail_was_sent_gets_it_when_they_are_back(
    quick_portal: Portal, mail_server: MailServerDouble
) -> None:
    quick_portal.option("email_on_create", "yes")
    quick_portal.sync_all()
    district = quick_portal.served.sandbox.district
    who = next(person for person in district.people if person.student is not None and person.email)
    edits.leave(district, who.id)
    quick_portal.sync_all()
    post = mailer(quick_portal.engine, FakeClock(quick_portal.now), mail_server.url)
    send_due(post)
    assert who.email not in mail_server.recipients
    edits.come_back(district, who.id)
    quick_portal.sync_all()
    post.clock.now = quick_portal.now  # type: ignore[attr-defined] # a FakeClock
    send_due(post)
    assert mail_server.recipients.count(str(who.email)) == 1


def test_a_sync_that_is_undone_and_done_again_writes_to_nobody_twice(
    quick_portal: Portal, mail_server: MailServerDouble
) -> None:
    quick_portal.option("email_on_create", "yes")
    first = quick_portal.sync_all()
    clock = FakeClock(quick_portal.now)
    post = mailer(quick_portal.engine, clock, mail_server.url)
    send_due(post)
    undo = quick_portal.undo(first)
    quick_portal.undo(undo)
    clock.now = quick_portal.now
    assert send_due(post).states == {}
    assert sorted(mail_server.recipients) == addresses(quick_portal)


def test_a_sync_that_is_undone_before_the_mails_are_sent_and_done_again_writes_once(
    quick_portal: Portal, mail_server: MailServerDouble
) -> None:
    quick_portal.option("email_on_create", "yes")
    first = quick_portal.sync_all()
    undo = quick_portal.undo(first)
    clock = FakeClock(quick_portal.now)
    post = mailer(quick_portal.engine, clock, mail_server.url)
    assert set(send_due(post).states) == {"dropped"}
    quick_portal.undo(undo)
    clock.now = quick_portal.now
    send_due(post)
    assert sorted(mail_server.recipients) == addresses(quick_portal)


@pytest.mark.parametrize(
    ("command", "answer", "code"),
    [("RCPT", "550 5.1.1 no such user", "mail-bounced"), ("END", "554 no", "mail-failed")],
)
def test_what_does_not_arrive_is_a_warning_and_fails_nothing(
    quick_portal: Portal, mail_server: MailServerDouble, command: str, answer: str, code: str
) -> None:
    quick_portal.option("email_on_create", "yes")
    sync_id = quick_portal.sync_all()
    mail_server.answers[command] = [answer]
    mails = [mail for mail in quick_portal.rows(Mail) if is_address(mail.recipient)][:2]
    with writing(quick_portal.engine).begin() as connection:  # all but two were given up
        connection.execute(update(Mail).where(Mail.id.not_in([mail.id for mail in mails])).values(state="dropped"))
    send_due(mailer(quick_portal.engine, FakeClock(quick_portal.now), mail_server.url))
    found = quick_portal.warnings(sync_id, "mail")
    linked = [quick_portal.account_of(source_id).id for _, source_id, _ in found]
    assert sorted(linked) == sorted(mail.account_id for mail in mails)
    assert {each[0] for each in found} == {code}
    assert quick_portal.sync(sync_id).state == SyncState.COMMITTED


def test_a_commit_of_nobody_new_writes_no_mail(quick_portal: Portal) -> None:
    with writing(quick_portal.engine).begin() as connection:
        outbox.put_account_made(connection, [(1, "")], None, START)
    assert quick_portal.rows(Mail) == []
