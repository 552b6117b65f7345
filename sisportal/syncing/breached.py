"""Whether a password is known from a breach: by a list on this machine, or by a service that is told five digits of its hash.

Both speak the form of *Have I Been Pwned*, Pwned Passwords: SHA-1 in capital hexadecimal digits, a colon, how often it was
seen (https://haveibeenpwned.com/API/v3#PwnedPasswords). SHA-1 is how those lists are kept; the portal keeps none of it.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import BinaryIO

import requests

logger = logging.getLogger(__name__)

IsBreached = Callable[[str], bool]
"""Whether a password is known from a breach."""
SECONDS = 3.0
"""How long the service may take: whoever chooses a password waits for it."""
LARGEST_ANSWER = 1_000_000
"""Bytes. An answer has about 1,000 lines of 40."""
PREFIX = 5
LONGEST_LINE = 80


def breached_by(setting: str) -> IsBreached:
    """By ``BREACHED_PASSWORDS``: the address of a service, the path of a sorted list, or blank, and then nothing is asked.

    What cannot be read or does not answer lets the password pass, and logs: nobody is kept out by it.
    """
    if not setting:
        return lambda _password: False
    ask = in_range if setting.startswith(("http://", "https://")) else in_file

    def is_breached(password: str) -> bool:
        try:
            return ask(setting, sha1(password))
        except (OSError, ValueError) as fault:  # requests' own are OSErrors
            # not the fault itself, which names the address
            logger.warning("the list of breached passwords could not be asked (%s)", type(fault).__name__)
            return False

    return is_breached


def sha1(password: str) -> str:
    """How such lists name a password."""
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def in_range(address: str, digest: str) -> bool:
    """Ask the service for every hash that begins alike. It is padded with hashes that were seen 0 times, so that its length says nothing."""
    answer = requests.get(
        f"{address}/{digest[:PREFIX]}",
        headers={"Add-Padding": "true", "User-Agent": "sis-portal"},
        timeout=SECONDS,
        allow_redirects=False,
        stream=True,
    )
    with answer:
        if answer.status_code != 200:
            raise ValueError(f"status {answer.status_code}")
        lines = _bounded(answer).decode("ascii").split()
    counts = dict(line.split(":", 1) for line in lines)
    return int(counts.get(digest[PREFIX:], "0")) > 0


def _bounded(answer: requests.Response) -> bytes:
    body = b""
    for part in answer.iter_content(65_536):
        body += part
        if len(body) > LARGEST_ANSWER:
            raise ValueError("a longer answer than there can be")
    return body


def in_file(path: str, digest: str) -> bool:
    """Look a hash up in a file that is sorted by hash: some 35 looks into it, whatever its size."""
    wanted = digest.encode()
    with open(path, "rb") as file:  # noqa: PTH123 - the path is a setting, and nothing of it is asked but its bytes
        low, high = 0, file.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            start, line = _line_from(file, middle)
            if start >= high or line[: len(wanted)] >= wanted:
                high = middle
            else:
                low = start + len(line)
        file.seek(low)
        return file.readline(LONGEST_LINE)[: len(wanted)] == wanted


def _line_from(file: BinaryIO, offset: int) -> tuple[int, bytes]:
    """(where it begins, the line): the first that begins at ``offset`` or after it."""
    if offset:
        file.seek(offset - 1)
        file.readline()  # the rest of the line before, or only its end
    else:
        file.seek(0)
    return file.tell(), file.readline()
