"""A mail server on loopback that keeps what it is given, and refuses, stumbles or hangs up where a test wants it to."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import pytest

DROP = "drop"
"""In the place of an answer: the connection is cut."""


@dataclass
class Received:
    """A mail that the server took, or heard to its end."""

    sender: str
    recipient: str
    message: EmailMessage

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part
        return str(part.get_content()).replace("\r\n", "\n")

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class MailServerDouble:
    """What the server does: ``answers`` by command or recipient, each used up from the left until one is left."""

    port: int = 0
    mails: list[Received] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    connections: int = 0
    offers: tuple[str, ...] = ()
    """What it offers after EHLO; ``STARTTLS`` is done where there is a ``certificate``."""
    certificate: ssl.SSLContext | None = None
    tls: bool = False
    """Whether the connection is encrypted from its first byte, with ``certificate``."""
    encrypted: list[bool] = field(default_factory=list)
    """Of each mail in ``mails``: whether it came over an encrypted connection."""

    @property
    def url(self) -> str:
        return f"{'smtps' if self.tls else 'smtp'}://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [mail.recipient for mail in self.mails]

    def answer(self, what: str, usual: str) -> str:
        """The answer to a command (``EHLO``, ``MAIL``, ``DATA``, ``END``, ...) or to a recipient's address."""
        planned = self.answers.get(what)
        if not planned:
            return usual
        return planned.pop(0) if len(planned) > 1 else planned[0]


class Talk(socketserver.StreamRequestHandler):
    """One connection."""

    timeout = 20

    def handle(self) -> None:
        self.double.connections += 1
        self.sender, self.recipient = "", ""
        if self.double.tls and not self._encrypt():
            return
        if not self._say("CONNECT", "220 test ESMTP"):
            return
        while line := self.rfile.readline():
            if not self._obey(line.decode("ascii", "replace").strip()):
                return

    @property
    def double(self) -> MailServerDouble:
        return cast("Server", self.server).double

    def _obey(self, line: str) -> bool:  # noqa: PLR0911 - one for each command
        verb = line.split(" ", 1)[0].upper()
        match verb:
            case "EHLO":
                return self._say(
                    "EHLO", "\r\n".join([f"250-{each}" for each in ("test", *self.double.offers)] + ["250 8BITMIME"])
                )
            case "MAIL":
                self.sender = address(line)
                return self._say("MAIL", "250 ok")
            case "RCPT":
                self.recipient = address(line)
                return self._say(self.recipient, self.double.answer("RCPT", "250 ok"))
            case "DATA":
                answer = self.double.answer("DATA", "354 go on")
                return self._write(answer) and (not answer.startswith("354") or self._take())
            case "QUIT":
                self._write("221 bye")
                return False
            case "STARTTLS" if self.double.certificate:
                return self._say("STARTTLS", "220 go on") and self._encrypt()
        return self._say(verb, "250 ok")

    def finish(self) -> None:
        super().finish()
        self.request.close()  # the server knows of the socket below the encryption only

    def _encrypt(self) -> bool:
        """Go on over TLS; where the client does not like the certificate it leaves."""
        assert self.double.certificate
        try:
            self.request = self.double.certificate.wrap_socket(self.request, server_side=True)
        except (ssl.SSLError, OSError):
            return False
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        return True

    def _take(self) -> bool:
        lines = []
        while (line := self.rfile.readline()).rstrip(b"\r\n") != b".":
            if not line:
                return False
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        answer = self.double.answer("END", "250 taken")
        if answer.startswith("250") or answer == DROP:
            parsed = message_from_bytes(b"".join(lines), policy=policy.default)
            self.double.mails.append(Received(self.sender, self.recipient, parsed))
            self.double.encrypted.append(isinstance(self.request, ssl.SSLSocket))
        return self._write(answer)

    def _say(self, what: str, usual: str) -> bool:
        return self._write(self.double.answer(what, usual))

    def _write(self, answer: str) -> bool:
        if answer == DROP:
            return False
        self.wfile.write(answer.encode() + b"\r\n")
        return not answer.startswith("421")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, double: MailServerDouble) -> None:
        super().__init__(("127.0.0.1", double.port), Talk)
        self.double = double
        double.port = self.server_address[1]


def address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


@pytest.fixture
def mail_server() -> Iterator[MailServerDouble]:
    """A running mail server of this test's own."""
    double = MailServerDouble()
    with Server(double) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield double
        server.shutdown()
        thread.join()
