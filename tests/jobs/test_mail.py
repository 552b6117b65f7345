"""The worker of the mail queue, as its own process, with a real queue and a real mail server on loopback."""

import signal
import time

from flask import Flask
from redis import Redis
from sqlalchemy import insert, select, update

from jobs.mail import send
from jobs.schedule import tick
from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.models import Account, Mail, MailKind, MailState
from sisportal.models.database import writing
from sisportal.syncing import outbox
from sisportal.syncing.prepare import request_sync
from tests.services.processes import Start
from tests.services.smtp import DROP, MailServerDouble

LONG = 30.0


def put(number: int = 1) -> int:
    """Sue with an address and so many mails; the id of the last one."""
    now = utc_now()
    with writing(db.engine).begin() as connection:
        values = {"id": 1, "role": "student", "username": "sue", "email": "sue@example.org", "created_at": now}
        connection.execute(insert(Account).values(values | {"roles": [], "organizations": []}))
        return [outbox.put(connection, MailKind.PASSWORD_RESET, 1, "", now) for _ in range(number)][-1]


def state(mail_id: int) -> str:
    with db.engine.connect() as connection:
        return str(connection.scalar(select(Mail.state).where(Mail.id == mail_id)))


def becomes(mail_id: int, wanted: MailState) -> bool:
    limit = time.monotonic() + LONG
    while state(mail_id) != wanted:
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def test_a_mail_is_sent_from_the_queue_in_its_three_parts(
    portal: Flask, start: Start, mail_server: MailServerDouble
) -> None:
    mail_id = put()
    worker = start("jobs.worker", "mail", SMTP_URL=mail_server.url)
    portal.extensions["queue"].send_mail(mail_id)
    assert becomes(mail_id, MailState.SENT)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(LONG) == 0
    (mail,) = mail_server.mails
    assert mail.message["Subject"] == "Choose a new password for SIS Portal"
    assert mail.sender == "portal@localhost.localdomain"
    assert "http://127.0.0.1:5000/choose-password/" in mail.text
    assert 'href="http://127.0.0.1:5000/choose-password/' in mail.html


def test_what_the_queue_lost_is_sent_and_the_mail_worker_takes_no_stages(
    portal: Flask, start: Start, mail_server: MailServerDouble, redis_url: str
) -> None:
    mail_id, sync_id = put(), request_sync(db.engine, 1, utc_now())
    portal.extensions["queue"].send_mail(mail_id)
    portal.extensions["queue"].send_prepare(sync_id)
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    portal.extensions["queue"].send_prepare(sync_id)
    start("jobs.worker", "mail", SMTP_URL=mail_server.url)
    assert becomes(mail_id, MailState.SENT)
    assert ("prepare", sync_id) in portal.extensions["queue"].waiting()


def test_a_mail_whose_worker_was_killed_goes_again_as_the_same_mail(
    portal: Flask, start: Start, mail_server: MailServerDouble
) -> None:
    mail_server.answers["END"] = [DROP, "250 taken"]
    mail_id = put()
    start("jobs.worker", "mail", SMTP_URL=mail_server.url)
    limit = time.monotonic() + LONG
    while not mail_server.mails:
        assert time.monotonic() < limit
        time.sleep(0.02)
    assert becomes(mail_id, MailState.WAITING)
    with db.engine.begin() as connection:  # as if its worker had been killed, and its pause was over
        past = utc_now() - outbox.LOST_AFTER * 2
        connection.execute(update(Mail).values(state=MailState.SENDING, claim="dead", claimed_at=past))
    assert becomes(mail_id, MailState.SENT)
    first, second = mail_server.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.text == second.text


def test_the_clock_asks_for_no_mail_where_there_is_no_mail_server(portal: Flask) -> None:
    put()
    tick(portal)
    assert portal.extensions["queue"].waiting() == set()
    send(1)
    assert state(1) == MailState.WAITING
