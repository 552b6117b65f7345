"""The one-time code that whoever sets the portal up must have read on the server's console (SPEC 2.1)."""

import contextlib
import hmac
import secrets
import tempfile
from pathlib import Path

# Without signs that are mistaken for one another when somebody types them from a screen.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
FILE = "setup-code"


def setup_code(folder: Path) -> str:
    """The code kept in ``folder`` with mode 600, made where there is none; processes that start together agree on one."""
    path = folder / FILE
    if not path.exists():
        fresh = "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=f".{FILE}-") as file:  # has mode 600
            file.write(fresh)
            file.flush()
            with contextlib.suppress(FileExistsError):  # a link is never made over another: the first one stays
                path.hardlink_to(file.name)
    return path.read_text().strip()


def is_setup_code(folder: Path, entered: str) -> bool:
    """Whether that is the code; case, spaces and dashes do not matter."""
    plain = "".join(sign for sign in entered.upper() if sign in ALPHABET)
    return hmac.compare_digest(plain, setup_code(folder).replace("-", ""))


def forget_setup_code(folder: Path) -> None:
    """The portal is set up: the code is good for nothing any more."""
    (folder / FILE).unlink(missing_ok=True)
