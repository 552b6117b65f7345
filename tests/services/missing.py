"""What of the tests' servers and browser this machine lacks: `python -m tests.services.missing` names each, a line each."""

import sys

from tests.services.chromium import find_chromium
from tests.services.postgres import find_postgres


def missing() -> list[str]:
    """Of ``chromium`` and ``postgresql``, which are also the names of Debian's packages, those that are not here."""
    found = {"chromium": find_chromium(), "postgresql": find_postgres()}
    return [name for name, path in found.items() if path is None]


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}\n" for name in missing())
