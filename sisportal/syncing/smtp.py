"""The mail server: what SMTP_URL says of it, how a message is handed over, and its refusals in plain words (RFC 5321)."""

import re
import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import msgspec

SECONDS = 15.0
"""How long one answer of the server is waited for."""
MOST_ON_ONE_CONNECTION = 50
"""Servers end connections that send without end; a new one costs little."""
POLICY = SMTP.clone(cte_type="7bit")  # not every server takes eight bits
LONGEST_ANSWER = 300
_PORTS = {("smtps", True): 465, ("smtps", False): 465, ("smtp", True): 587, ("smtp", False): 25}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SIGN_IN_CODES = {530, 534, 535, 538}
_POLICY_CODE = re.compile(r"^5\.7\.")
"""Enhanced status codes of class 5.7 are about rules, not about the address (RFC 3463)."""


class MailServer(msgspec.Struct, frozen=True):
    """Where mail is handed over."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = False
    """Whether the connection is encrypted from its first byte; else where the server offers it (STARTTLS)."""

    def __repr__(self) -> str:  # the password stays out of every log
        return f"MailServer({self.host}:{self.port})"


class MailError(Exception):
    """A mail was not taken; the message is a sentence for an administrator."""


class ServerTrouble(MailError):
    """Nothing can be sent now: no connection, no sign-in, or the server takes nothing from this sender."""


class ServerAway(ServerTrouble):
    """There was not even a connection, so it has nothing to do with the mail that was to be sent."""


class TryLater(MailError):
    """This mail was not taken now and may be later; or it is not known whether it was taken."""


class AddressRefused(MailError):
    """The server will never take mail to this address."""


class MessageRefused(MailError):
    """The server will never take this mail, and the address is not why."""


def server_of(url: str) -> MailServer | None:
    """The server that ``SMTP_URL`` names; None where it is blank. The port may be left out: 465, 587 or 25."""
    if not url:
        return None
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme, bool(parts.username)]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.hostname or "", port, user, password, tls=parts.scheme == "smtps")


class Post:
    """A connection to the mail server, made when the first message is sent and kept for the next ones."""

    def __init__(self, server: MailServer, *, seconds: float = SECONDS) -> None:
        self._server, self._seconds = server, seconds
        self._smtp: smtplib.SMTP | None = None
        self._sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand a message over. Raises a ``MailError`` that says what came of it."""
        smtp = self._connected()
        try:
            self._hand_over(smtp, message, sender, recipient)
        except MailError:
            self._forget_message(smtp)
            raise
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            raise TryLater("The mail server ended the connection before it said whether it took the mail.") from error
        self._sent += 1

    def _hand_over(self, smtp: smtplib.SMTP, message: EmailMessage, sender: str, recipient: str) -> None:
        code, text = smtp.mail(sender)
        if code != 250:
            raise ServerTrouble(f"The mail server takes no mail from {sender}. {_said(code, text)}")
        code, text = smtp.rcpt(recipient)
        if code not in {250, 251}:
            raise _refusal(code, text, AddressRefused, "The mail server refused the address.")
        code, said = _given(smtp, message)
        if code != 250:
            raise _refusal(code, said, MessageRefused, "The mail server refused the mail.")

    def _connected(self) -> smtplib.SMTP:
        if self._sent >= MOST_ON_ONE_CONNECTION:
            self._leave()
        if self._smtp is None:
            self._smtp, self._sent = _opened(self._server, self._seconds), 0
        return self._smtp

    def _forget_message(self, smtp: smtplib.SMTP) -> None:
        """So that the next message begins anew; a server that does not even do this gets a new connection."""
        try:
            code, _ = smtp.rset()
        except (smtplib.SMTPException, OSError):
            code = 0
        if code != 250:
            self._drop()

    def _drop(self) -> None:
        if self._smtp:
            self._smtp.close()
        self._smtp = None

    def _leave(self) -> None:
        if self._smtp:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._smtp.close()
        self._smtp = None


def _opened(server: MailServer, seconds: float) -> smtplib.SMTP:
    """A connection that is encrypted and signed in as far as the server and ``SMTP_URL`` want it. Raises ``ServerAway``."""
    where, context = f"{server.host}:{server.port}", ssl.create_default_context()
    # Named by ourselves: looking up this machine's full name may take long, and no server checks it.
    name = socket.gethostname() if "." in socket.gethostname() else "[127.0.0.1]"
    try:
        if server.tls:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, name, timeout=seconds, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, name, timeout=seconds)
    except smtplib.SMTPConnectError as error:
        raise ServerAway(f"{where} takes no connection now. {_said(error.smtp_code, error.smtp_error)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise ServerAway(_unreachable(error, where, seconds)) from error
    try:
        _greet(smtp, server, context)
    except ServerAway:
        smtp.close()
        raise
    except (smtplib.SMTPException, OSError) as error:
        smtp.close()
        raise ServerAway(_unreachable(error, where, seconds)) from error
    return smtp


def _greet(smtp: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    smtp.ehlo_or_helo_if_needed()
    encrypted = server.tls
    if not encrypted and smtp.has_extn("starttls"):
        smtp.starttls(context=context)
        smtp.ehlo()
        encrypted = True
    if not server.user:
        return
    if not encrypted and server.host not in _LOOPBACK:
        raise ServerAway(
            f"{server.host} offers no encryption, so the password of SMTP_URL is not sent to it. Use smtps://, or a port with STARTTLS."
        )
    try:
        smtp.login(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        said = _said(error.smtp_code, error.smtp_error)
        raise ServerAway(f"{server.host} does not accept the user name or the password of SMTP_URL. {said}") from error
    except smtplib.SMTPNotSupportedError as error:
        raise ServerAway(
            f"{server.host} offers no sign-in. Leave user and password out of SMTP_URL, or use another port."
        ) from error


def _given(smtp: smtplib.SMTP, message: EmailMessage) -> tuple[int, bytes | str]:
    try:
        return smtp.data(message.as_bytes(policy=POLICY))
    except smtplib.SMTPDataError as error:
        return error.smtp_code, error.smtp_error


def _unreachable(error: Exception, where: str, seconds: float) -> str:  # noqa: PLR0911 - one sentence for each cause
    if isinstance(error.__context__, TimeoutError):  # smtplib tells it as a connection that was closed
        error = error.__context__
    match error:
        case ssl.SSLCertVerificationError():
            return f"The certificate of {where} is not good: {error.verify_message}. Correct the name in SMTP_URL, or the certificate."
        case ssl.SSLError():
            return f"{where} does not speak TLS as smtps:// wants it. Try smtp://, or another port."
        case socket.gaierror():
            return f"There is no host of that name: {where.rpartition(':')[0]}. Correct SMTP_URL."
        case TimeoutError():
            return f"{where} did not answer within {seconds:.0f} seconds. A firewall may be in the way."
        case ConnectionRefusedError():
            return f"Nothing listens at {where}. Correct the host or the port in SMTP_URL, or start the mail server."
        case smtplib.SMTPServerDisconnected():
            return f"{where} ended the connection. Where it wants TLS from the start, use smtps://."
        case smtplib.SMTPResponseException():
            return f"{where} refused to talk. {_said(error.smtp_code, error.smtp_error)}"
        case OSError():
            return f"{where} cannot be reached ({error.strerror or type(error).__name__})."
    return f"{where} does not speak SMTP as it should ({type(error).__name__})."


def _refusal(code: int, text: bytes | str, for_good: type[MailError], sentence: str) -> MailError:
    """What a refusal of the address or of the message means for this mail and for the next."""
    said = _said(code, text)
    if code == 421 or code in _SIGN_IN_CODES:
        return ServerTrouble(f"The mail server takes nothing more just now. {said}")
    if 400 <= code < 500:
        return TryLater(f"The mail server could not take the mail now. {said}")
    if _POLICY_CODE.match(_plain(text)):
        return MessageRefused(f"The rules of the mail server forbid the mail. {said}")
    return for_good(f"{sentence} {said}")


def _said(code: int, text: bytes | str) -> str:
    return f"It said: {code} {_plain(text)}".strip()


def _plain(text: bytes | str) -> str:
    """A server's words as one short line."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())[:LONGEST_ANSWER]
