"""Codes of a second factor: those that a telephone makes (RFC 6238) and recovery codes on paper. Nothing here is stored."""

import hmac
import secrets
from datetime import datetime

import pyotp
from argon2.low_level import Type, hash_secret_raw

from sisportal.syncing.setup_code import ALPHABET

STEP = 30
"""Seconds for which a code stands on the telephone."""
DRIFT = 1
"""Steps by which a telephone's clock may be ahead or behind."""
DIGITS = 6
RECOVERY_CODES = 10
LETTERS = 10
"""Fifty bits."""


def new_secret() -> str:
    """160 random bits, as telephones take them."""
    return pyotp.random_base32()


def enrolment(secret: str, username: str, portal: str) -> str:
    """The address that a telephone reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=portal)


def step_of(secret: str, code: str, now: datetime, after: int) -> int | None:
    """The step that the code belongs to, as far as ``DRIFT``; None where it is no such code, or one up to step ``after``."""
    totp, here = pyotp.TOTP(secret), int(now.timestamp()) // STEP
    steps = range(here - DRIFT, here + DRIFT + 1)
    fitting = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())]
    return next((step for step in fitting if step > after), None)


def new_recovery_codes() -> list[str]:
    """As they are shown, once."""
    found: set[str] = set()
    while len(found) < RECOVERY_CODES:
        found.add("".join(secrets.choice(ALPHABET) for _ in range(LETTERS)))
    return [f"{code[:5]}-{code[5:]}" for code in sorted(found, key=lambda _: secrets.randbits(32))]


def new_salt() -> str:
    """For the recovery codes of one account."""
    return secrets.token_hex(16)


def plain(code: str) -> str:
    """A code as it was typed, without dashes, spaces and small letters."""
    return "".join(sign for sign in code.upper() if sign.isalnum())


def recovery_key(salt: str, code: str) -> str:
    """What is kept of a recovery code: it is short, so that guessing from a copy of the database has to cost much."""
    raw = hash_secret_raw(
        plain(code).encode(),
        bytes.fromhex(salt),
        time_cost=2,
        memory_cost=19_456,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
    return raw.hex()
