"""The outbox: each mail is sent once, tried again where that can help, and what became of it is said; on both databases."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, update

from sisportal.models import Account, Mail, MailKind, MailState, PasswordLink
from sisportal.models.database import make_engine, writing
from sisportal.syncing import mailing, outbox, password_links
from sisportal.syncing.mailing import Done, Mailer, send_due, send_test
from sisportal.syncing.password_links import Purpose
from sisportal.syncing.recovery import recover_mail
from sisportal.syncing.review import Who
from tests.fakes import FakeClock, FakeQueue
from tests.services.smtp import DROP, MailServerDouble
from tests.syncing.letters import BASE_URL, mailer

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)
SUE, TOM, ADA = 1, 2, 3


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A portal with Sue, Tom and Ada, each with an address."""
    engine = make_engine(database_url)
    with writing(engine).begin() as connection:
        for id_, name in ((SUE, "sue"), (TOM, "tom"), (ADA, "ada")):
            values = {
                "id": id_, "role": "student", "roles": [], "organizations": [], "username": name, "created_at": NOW,
                "email": f"{name}@example.org", "first_name": name.title(),
            }  # fmt: skip
            connection.execute(insert(Account).values(values))
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def post(engine: Engine, clock: FakeClock, mail_server: MailServerDouble) -> Mailer:
    return mailer(engine, clock, mail_server.url)


def put(engine: Engine, kind: MailKind = MailKind.NOTIFICATION, account_id: int = SUE, now: datetime = NOW) -> int:
    with writing(engine).begin() as connection:
        return outbox.put(connection, kind, account_id, "", now, text="Committed.")


def states(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(Mail.state).order_by(Mail.id)))


def answer(engine: Engine, mail_id: int = 1) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(select(Mail.answer).where(Mail.id == mail_id)))


def change(engine: Engine, account_id: int, **values: object) -> None:
    with writing(engine).begin() as connection:
        connection.execute(update(Account).where(Account.id == account_id).values(values))


def test_what_waits_is_sent_once(engine: Engine, post: Mailer, mail_server: MailServerDouble) -> None:
    for account_id in (SUE, TOM):
        put(engine, account_id=account_id)
    assert send_due(post).states == {MailState.SENT: 2}
    assert send_due(post) == Done()
    assert mail_server.recipients == ["sue@example.org", "tom@example.org"]
    assert states(engine) == ["sent", "sent"]


def test_a_mail_that_was_rolled_back_is_never_sent(engine: Engine, post: Mailer, mail_server: MailServerDouble) -> None:
    with writing(engine).connect() as connection:
        outbox.put(connection, MailKind.NOTIFICATION, SUE, "", NOW, text="Never.")
        connection.rollback()
    assert send_due(post) == Done()
    assert mail_server.mails == []


def test_many_workers_send_each_mail_once(engine: Engine, post: Mailer, mail_server: MailServerDouble) -> None:
    for _ in range(12):
        put(engine)
    workers = [threading.Thread(target=send_due, args=(post,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({mail.message["Message-ID"] for mail in mail_server.mails}) == len(mail_server.mails) == 12
    assert set(states(engine)) == {"sent"}


def test_a_link_goes_out_and_is_kept_nowhere(engine: Engine, post: Mailer, mail_server: MailServerDouble) -> None:
    put(engine, MailKind.PASSWORD_RESET)
    send_due(post)
    link = mail_server.mails[0].text.strip()
    assert link.startswith(f"{BASE_URL}/choose-password/")
    token = link.rpartition("/")[2]
    with engine.connect() as connection:
        kept = [
            str(value)
            for table in (Mail, PasswordLink)
            for row in connection.execute(select(table.__table__))
            for value in row
        ]
    assert [text for text in kept if token in text] == []
    assert password_links.use(engine, token, "a good long one", NOW) == "sue"
    assert password_links.use(engine, token, "a good long one", NOW) is None


def test_when_it_is_not_known_whether_a_mail_arrived_it_goes_again_as_the_same_mail(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine, MailKind.PASSWORD_RESET)
    mail_server.answers["END"] = [DROP, "250 taken"]
    assert send_due(post).states == {MailState.WAITING: 1}
    clock.pass_(minutes=1)
    assert send_due(post).states == {MailState.SENT: 1}
    first, second = mail_server.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.text == second.text
    with engine.connect() as connection:
        assert len(connection.scalars(select(PasswordLink.key)).all()) == 1


def test_a_link_that_arrived_and_was_used_is_not_sent_again(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine, MailKind.PASSWORD_RESET)
    mail_server.answers["END"] = [DROP, "250 taken"]
    send_due(post)
    password_links.use(engine, mail_server.mails[0].text.strip().rpartition("/")[2], "a good long one", NOW)
    clock.pass_(minutes=1)
    assert send_due(post).states == {MailState.DROPPED: 1}


def test_who_corrects_an_address_gets_another_link_than_the_old_address(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine, MailKind.PASSWORD_RESET)
    mail_server.answers["END"] = [DROP, "250 taken"]
    send_due(post)
    change(engine, SUE, email="susan@example.org")
    clock.pass_(minutes=1)
    send_due(post)
    old, new = (mail.text.strip().rpartition("/")[2] for mail in mail_server.mails)
    assert mail_server.recipients == ["sue@example.org", "susan@example.org"]
    assert password_links.use(engine, old, "a good long one", NOW) is None
    assert password_links.use(engine, new, "a good long one", NOW) == "sue"


def test_what_is_refused_now_is_tried_again_after_longer_and_longer(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine, MailKind.ACCOUNT_MADE)
    mail_server.answers["RCPT"] = ["450 greylisted"]
    tries = []
    for pause in (timedelta(0), *outbox.PAUSES):
        clock.now += pause - timedelta(seconds=1) if pause else timedelta(0)
        assert not pause or send_due(post) == Done()
        clock.now += timedelta(seconds=1) if pause else timedelta(0)
        tries.append(send_due(post).states)
    assert tries == [{MailState.WAITING: 1}] * len(outbox.PAUSES) + [{MailState.FAILED: 1}]
    assert "450 greylisted" in answer(engine)


def test_greylisting_ends_well(engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble) -> None:
    put(engine)
    mail_server.answers["RCPT"] = ["450 greylisted", "250 ok"]
    send_due(post)
    clock.pass_(minutes=1)
    assert send_due(post).states == {MailState.SENT: 1}
    assert answer(engine) == ""


def test_a_bad_address_bounces_and_the_others_are_sent(
    engine: Engine, post: Mailer, mail_server: MailServerDouble
) -> None:
    change(engine, TOM, email="tom@example.org\r\nBcc: eve@example.org")
    for account_id in (SUE, TOM, ADA):
        put(engine, account_id=account_id)
    mail_server.answers["sue@example.org"] = ["550 5.1.1 no such user"]
    assert send_due(post).states == {MailState.BOUNCED: 2, MailState.SENT: 1}
    assert mail_server.recipients == ["ada@example.org"]
    assert answer(engine, 1) == "The mail server refused the address. It said: 550 5.1.1 no such user"
    assert answer(engine, 2) == "This is not an e-mail address."


def test_nobodys_address_name_or_link_is_in_the_log(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for kind in (MailKind.PASSWORD_RESET, MailKind.NOTIFICATION, MailKind.ACCOUNT_MADE):
        put(engine, kind)
    mail_server.answers["END"] = ["250 taken", "554 sue@example.org no", "451 sue@example.org later"]
    send_due(post)
    mail_server.answers["CONNECT"] = ["554 go away, sue@example.org"]
    clock.pass_(minutes=1)
    send_due(post)
    token = mail_server.mails[0].text.strip().rpartition("/")[2]
    said = [record.getMessage().lower() for record in caplog.records]
    assert len(said) == 4
    assert [text for text in said if "sue" in text or "@" in text or token.lower() in text] == []


def test_a_name_cannot_become_another_header(engine: Engine, post: Mailer, mail_server: MailServerDouble) -> None:
    change(engine, SUE, first_name='Sue\r\nBcc: eve@example.org\r\n\r\n"<x@y.z>', last_name="سو 😀")
    put(engine)
    assert send_due(post).states == {MailState.SENT: 1}
    (mail,) = mail_server.mails
    assert mail.recipient == "sue@example.org"
    assert mail.message["Bcc"] is None
    assert [address.addr_spec for address in mail.message["To"].addresses] == ["sue@example.org"]


def test_a_server_that_is_away_costs_no_mail_a_try(
    engine: Engine, clock: FakeClock, mail_server: MailServerDouble
) -> None:
    away = mailer(engine, clock, "smtp://127.0.0.1:1")
    put(engine)
    done = send_due(away)
    assert done.states == {MailState.WAITING: 1}
    assert done.trouble.startswith("Nothing listens at 127.0.0.1:1.")
    for _ in range(30):
        clock.pass_(minutes=20)
        send_due(away)
    assert states(engine) == ["waiting"]
    with engine.connect() as connection:
        found = outbox.trouble(connection)
        assert connection.scalar(select(Mail.attempts)) == 0
    assert found
    assert (found.since, found.tries) == (NOW, 31)
    back = mailer(engine, clock, mail_server.url)
    assert send_due(back).trouble == found.sentence
    clock.pass_(minutes=15)
    assert send_due(back).states == {MailState.SENT: 1}
    with engine.connect() as connection:
        assert outbox.trouble(connection) is None


def test_a_mail_that_makes_the_server_hang_up_does_not_hold_up_the_others(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    for account_id in (SUE, TOM):
        put(engine, account_id=account_id)
    mail_server.answers["sue@example.org"] = ["421 not this one"]
    send_due(post)
    clock.pass_(minutes=1)
    send_due(post)
    assert states(engine) == ["waiting", "sent"]


def test_without_a_server_everything_waits_and_is_said_so(engine: Engine, clock: FakeClock) -> None:
    put(engine)
    assert send_due(mailer(engine, clock, "")).trouble == "SMTP_URL is not set, so no mail can be sent."
    assert states(engine) == ["waiting"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"archived_at": NOW}, "The account was archived before the mail was sent."),
        ({"email": ""}, "The account has no e-mail address any more."),
        ({"password_hash": "x"}, "They had chosen a password before the mail was sent."),
    ],
)
def test_what_has_lost_its_reason_is_dropped(
    engine: Engine, post: Mailer, mail_server: MailServerDouble, values: dict[str, object], reason: str
) -> None:
    put(engine, MailKind.ACCOUNT_MADE)
    change(engine, SUE, **values)
    assert send_due(post).states == {MailState.DROPPED: 1}
    assert (answer(engine), mail_server.mails) == (reason, [])


def test_whoever_waits_before_a_screen_is_served_first(
    engine: Engine, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine, MailKind.ACCOUNT_MADE, SUE)
    put(engine, MailKind.NOTIFICATION, TOM)
    put(engine, MailKind.PASSWORD_RESET, ADA)
    send_due(post)
    assert mail_server.recipients == ["ada@example.org", "tom@example.org", "sue@example.org"]


def test_a_run_ends_when_its_time_is_up_and_says_where_to_go_on(engine: Engine, post: Mailer) -> None:
    for _ in range(3):
        put(engine)
    assert send_due(post, seconds=0).next_id == 2
    assert states(engine) == ["sent", "waiting", "waiting"]


def test_what_a_dead_worker_had_is_sent_by_another(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    queue = FakeQueue()
    put(engine)
    dead = outbox.claim(engine, NOW)
    assert dead
    clock.now += outbox.LOST_AFTER
    assert recover_mail(engine, queue, clock.now) is None
    clock.pass_(seconds=1)
    assert recover_mail(engine, queue, clock.now) == 1
    assert queue.sent == [("mail", 1)]
    assert send_due(post, 1).states == {MailState.SENT: 1}
    with writing(engine).begin() as connection:
        assert not outbox.settle(connection, dead, MailState.FAILED, clock.now)
    assert states(engine) == ["sent"]
    assert len(mail_server.mails) == 1


def test_recovery_sends_what_is_due_and_nothing_twice(engine: Engine, clock: FakeClock) -> None:
    queue = FakeQueue()
    assert recover_mail(engine, queue, NOW) is None
    put(engine, now=NOW + timedelta(minutes=1))
    assert recover_mail(engine, queue, NOW) is None
    clock.pass_(minutes=1)
    queue.away = True
    assert recover_mail(engine, queue, clock.now) is None
    queue.away = False
    assert recover_mail(engine, queue, clock.now) == 1
    assert recover_mail(engine, queue, clock.now) is None
    assert queue.sent == [("mail", 1)]


@pytest.mark.parametrize("kind", outbox.GOOD_FOR)
def test_what_waited_too_long_is_dropped(engine: Engine, kind: MailKind) -> None:
    put(engine, kind)
    limit = outbox.GOOD_FOR[kind]
    recover_mail(engine, FakeQueue(), NOW + limit)
    assert states(engine) == ["waiting"]
    recover_mail(engine, FakeQueue(), NOW + limit + timedelta(seconds=1))
    assert states(engine) == ["dropped"]


def test_what_waited_in_a_backup_is_not_sent_by_itself(engine: Engine, post: Mailer) -> None:
    for _ in range(2):
        put(engine)
    assert outbox.claim(engine, NOW)
    with writing(engine).begin() as connection:
        outbox.drop_restored(connection, NOW)
    assert send_due(post) == Done()
    assert states(engine) == ["dropped", "dropped"]


def test_sending_again_by_hand_makes_a_link_of_its_own(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine, MailKind.ACCOUNT_MADE)
    mail_server.answers["END"] = ["552 no", "250 taken"]
    assert send_due(post).states == {MailState.FAILED: 1}
    clock.pass_(days=30)
    with writing(engine).begin() as connection:
        assert outbox.retry(connection, clock.now, 999) == 0
        assert outbox.retry(connection, clock.now) == 1
    assert send_due(post).states == {MailState.SENT: 1}
    token = mail_server.mails[0].text.strip().rpartition("/")[2]
    assert password_links.use(engine, token, "a good long one", clock.now) == "sue"


def test_a_test_mail_says_at_once_what_the_server_says(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine)
    assert send_test(post, SUE, "sue@example.org") == ""
    assert [mail.message["Subject"] for mail in mail_server.mails] == ["test"]
    mail_server.answers["MAIL"] = ["550 not you"]
    assert send_test(post, SUE, "sue@example.org").endswith("It said: 550 not you")
    mail_server.answers = {"RCPT": ["450 later"]}
    assert send_test(post, SUE, "sue@example.org").endswith("It said: 450 later")
    assert states(engine) == ["waiting", "sent", "failed", "failed"]


def test_a_test_mail_is_tried_although_the_server_was_in_trouble(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine)
    send_due(mailer(engine, clock, "smtp://127.0.0.1:1"))
    assert send_test(post, SUE, "sue@example.org") == ""
    assert send_due(post).states == {MailState.SENT: 1}


def test_a_link_is_made_from_what_the_database_does_not_tell() -> None:
    tokens = {
        mailing.link_token("secret", "seed", "a@x.org"),
        mailing.link_token("other secret", "seed", "a@x.org"),
        mailing.link_token("secret", "other seed", "a@x.org"),
        mailing.link_token("secret", "seed", "b@x.org"),
    }
    assert len(tokens) == 4
    assert {len(token) for token in tokens} == {43}


def test_a_newer_link_of_an_administrator_is_not_taken_back_by_a_second_try(
    engine: Engine, clock: FakeClock, post: Mailer, mail_server: MailServerDouble
) -> None:
    put(engine, MailKind.ACCOUNT_MADE)
    mail_server.answers["RCPT"] = ["450 greylisted", "250 ok"]
    send_due(post)
    with writing(engine).begin() as connection:
        newer = password_links.make(connection, SUE, Purpose.RESET, Who("ada"), clock.now)
    clock.pass_(minutes=1)
    assert send_due(post).states == {MailState.DROPPED: 1}
    assert newer
    assert password_links.use(engine, newer, "a good long one", clock.now) == "sue"
