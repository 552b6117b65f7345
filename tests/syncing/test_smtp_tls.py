"""Mail over TLS, from the first byte and by STARTTLS: with a good certificate it is sent, with any other nothing is said or sent."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from sisportal.syncing.smtp import Post, ServerAway, server_of
from tests.services.smtp import MailServerDouble
from tests.syncing.test_smtp import SUE, message, refusal

Issue = Callable[[trustme.CA], trustme.LeafCert]
HOW = {"from the first byte": True, "by STARTTLS": False}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=list(HOW.values()), ids=list(HOW))
def speaks_tls(
    request: pytest.FixtureRequest,
    mail_server: MailServerDouble,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> MailServerDouble:
    """A mail server with a good certificate and a sign-in, on a machine that trusts the authority as docs/mail.md says."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    mail_server.tls = request.param
    mail_server.offers = ("AUTH PLAIN",) if mail_server.tls else ("STARTTLS", "AUTH PLAIN")
    mail_server.answers["AUTH"] = ["235 welcome"]
    show(mail_server, authority.issue_cert("127.0.0.1"))
    return mail_server


def show(server: MailServerDouble, certificate: trustme.LeafCert) -> None:
    """Let the server show this certificate."""
    server.certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server.certificate)


def signed_in(server: MailServerDouble) -> str:
    return server.url.replace("//", "//me:secret@")


def test_mail_and_password_go_over_an_encrypted_connection(speaks_tls: MailServerDouble) -> None:
    server = server_of(signed_in(speaks_tls))
    assert server

    with Post(server, seconds=5) as post:
        for _ in range(2):
            post.send(message(), "portal@example.org", SUE)

    assert (speaks_tls.recipients, speaks_tls.encrypted, speaks_tls.connections) == ([SUE, SUE], [True, True], 1)
    assert speaks_tls.mails[0].message["Subject"] == "Grüße"


def yesterday() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


BAD: dict[str, tuple[Issue, str]] = {
    "another host": (lambda authority: authority.issue_cert("mail.example.org"), "not valid for '127.0.0.1'"),
    "another authority": (lambda _: trustme.CA().issue_cert("127.0.0.1"), "unable to get local issuer certificate"),
    "of yesterday": (
        lambda authority: authority.issue_cert(
            "127.0.0.1", not_after=yesterday(), not_before=yesterday() - timedelta(1)
        ),
        "certificate has expired",
    ),
}


@pytest.mark.parametrize(("issue", "why"), BAD.values(), ids=BAD.keys())
def test_with_a_certificate_that_is_not_good_nothing_is_sent_and_it_is_said_why(
    speaks_tls: MailServerDouble, authority: trustme.CA, issue: Issue, why: str
) -> None:
    show(speaks_tls, issue(authority))

    found = refusal(speaks_tls, signed_in(speaks_tls))

    assert isinstance(found, ServerAway)  # every mail waits, and is tried again
    assert str(found).startswith(f"The certificate of 127.0.0.1:{speaks_tls.port} is not good: ")
    assert why in str(found)
    assert str(found).endswith(". Correct the name in SMTP_URL, or the certificate.")
    assert speaks_tls.mails == []
