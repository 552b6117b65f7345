"""Handing mail to a server: what it is told, what its refusals mean, and that no address can smuggle anything in."""

import socket
import time
from email.message import EmailMessage

import pytest

from sisportal.syncing.mailing import is_address
from sisportal.syncing.smtp import (
    POLICY,
    AddressRefused,
    MailError,
    MailServer,
    MessageRefused,
    Post,
    ServerAway,
    ServerTrouble,
    TryLater,
    server_of,
)
from tests.services.smtp import DROP, MailServerDouble

SUE = "sue@example.org"


def message(text: str = "Hello.\n.\nBye.\n") -> EmailMessage:
    mail = EmailMessage(POLICY)
    mail["Subject"] = "Grüße"
    mail.set_content(text)
    return mail


def refusal(double: MailServerDouble, url: str = "") -> MailError:
    server = server_of(url or double.url)
    assert server
    with pytest.raises(MailError) as refused, Post(server, seconds=2) as post:
        post.send(message(), "portal@example.org", SUE)
    return refused.value


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", None),
        ("smtps://me%40x.org:p%3Aw@mail.example.org", MailServer("mail.example.org", 465, "me@x.org", "p:w", tls=True)),
        ("smtp://me:pw@mail.example.org", MailServer("mail.example.org", 587, "me", "pw")),
        ("smtp://mail.example.org", MailServer("mail.example.org", 25)),
        ("smtp://mail.example.org:2525", MailServer("mail.example.org", 2525)),
    ],
)
def test_smtp_url_names_the_server(url: str, expected: MailServer | None) -> None:
    assert server_of(url) == expected


def test_the_password_is_never_printed() -> None:
    assert "secret" not in repr(server_of("smtp://me:secret@mail.example.org"))


def test_several_mails_go_over_one_connection_as_they_are(mail_server: MailServerDouble) -> None:
    server = server_of(mail_server.url)
    assert server
    with Post(server) as post:
        for number in range(3):
            post.send(message(), "portal@example.org", f"{number}@example.org")
    assert mail_server.recipients == ["0@example.org", "1@example.org", "2@example.org"]
    assert mail_server.connections == 1
    assert mail_server.mails[0].message["Subject"] == "Grüße"
    assert mail_server.mails[0].text == "Hello.\n.\nBye.\n"


@pytest.mark.parametrize(
    ("command", "answer", "meaning"),
    [
        ("CONNECT", "554 go away", ServerAway),
        ("CONNECT", "421 busy", ServerAway),
        ("CONNECT", DROP, ServerAway),
        ("EHLO", DROP, ServerAway),
        ("MAIL", "550 not you", ServerTrouble),
        ("MAIL", "451 not now", ServerTrouble),
        ("RCPT", "550 5.1.1 no such user", AddressRefused),
        ("RCPT", "550 5.7.1 relaying denied", MessageRefused),
        ("RCPT", "530 5.7.0 sign in first", ServerTrouble),
        ("RCPT", "450 4.2.0 greylisted", TryLater),
        ("RCPT", "421 too many", ServerTrouble),
        ("RCPT", DROP, TryLater),
        ("DATA", "554 no", MessageRefused),
        ("DATA", "452 full", TryLater),
        ("END", "552 too large", MessageRefused),
        ("END", "451 later", TryLater),
        ("END", DROP, TryLater),
    ],
)
def test_each_refusal_has_its_meaning(
    mail_server: MailServerDouble, command: str, answer: str, meaning: type[MailError]
) -> None:
    mail_server.answers[command] = [answer]
    found = refusal(mail_server)
    assert type(found) is meaning
    assert answer == DROP or answer in str(found)


def test_after_a_refusal_the_next_mail_is_taken(mail_server: MailServerDouble) -> None:
    server = server_of(mail_server.url)
    assert server
    mail_server.answers = {"bad@example.org": ["550 no such user"], "cut@example.org": [DROP]}
    with Post(server) as post:
        for who, meaning in (("bad", AddressRefused), ("cut", TryLater)):
            with pytest.raises(meaning):
                post.send(message(), "portal@example.org", f"{who}@example.org")
            post.send(message(), "portal@example.org", SUE)
    assert mail_server.recipients == [SUE, SUE]
    assert mail_server.connections == 2


def test_a_server_that_is_not_there_is_told_with_what_to_do(mail_server: MailServerDouble) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert str(refusal(mail_server, f"smtp://127.0.0.1:{port}")).startswith(f"Nothing listens at 127.0.0.1:{port}.")
    assert "no host of that name" in str(refusal(mail_server, "smtp://mail.invalid"))
    assert "does not speak TLS" in str(refusal(mail_server, mail_server.url.replace("smtp:", "smtps:")))


def test_a_server_that_says_nothing_is_not_waited_for_long(mail_server: MailServerDouble) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        found = refusal(mail_server, f"smtp://127.0.0.1:{silent.getsockname()[1]}")
    assert isinstance(found, ServerAway)
    assert "did not answer within 2 seconds" in str(found)
    assert time.monotonic() - began < 5


def test_a_wrong_password_is_said_so(mail_server: MailServerDouble) -> None:
    mail_server.offers = ("AUTH PLAIN",)
    mail_server.answers["AUTH"] = ["535 5.7.8 no"]
    found = refusal(mail_server, mail_server.url.replace("//", "//me:secret@"))
    assert "does not accept the user name or the password of SMTP_URL. It said: 535 5.7.8 no" in str(found)
    assert "secret" not in str(found)


def test_a_server_without_sign_in_is_said_so(mail_server: MailServerDouble) -> None:
    assert "offers no sign-in" in str(refusal(mail_server, mail_server.url.replace("//", "//me:secret@")))


def test_where_starttls_is_offered_nothing_is_sent_without_it(mail_server: MailServerDouble) -> None:
    mail_server.offers = ("STARTTLS", "AUTH PLAIN")
    mail_server.answers["STARTTLS"] = ["454 not now"]
    assert isinstance(refusal(mail_server, mail_server.url.replace("//", "//me:secret@")), ServerAway)
    assert mail_server.mails == []


@pytest.mark.parametrize(
    "address",
    [
        "", "sue", "@example.org", "sue@", "sue@example.org\r\nRCPT TO:<eve@example.org>", "sue@example.org\nBcc: eve@example.org",
        "sue@example.org, eve@example.org", "Sue <sue@example.org>", "sue@example.org ", "sue@exa mple.org", "sue@example.org\x00",
    ],
)  # fmt: skip
def test_what_is_no_address_or_more_than_one_is_refused(address: str) -> None:
    assert not is_address(address)
    assert is_address(SUE)
