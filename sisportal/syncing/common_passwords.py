"""The passwords that are tried first: tens of thousands from breaches, and the words and names that others are made of."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE, LISTS = "zxcvbn", "frequency_lists.py"


@cache
def common_words() -> frozenset[str]:
    """About 94,000 in small letters, 11 MB; read when somebody first chooses a password in this process.

    A word is in one of the package's lists only, the one where it stands highest: so all of them together hold the most
    common passwords, of which more than 11,000 have eight characters or more.
    """
    return frozenset(word for words in _lists().values() for word in words)


def _lists() -> dict[str, list[str]]:
    """List by list, the most common first.

    Its file is read without the package around it, which builds three times as much for itself and is not needed.
    """
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}")
    path = Path(package.submodule_search_locations[0]) / LISTS
    spec = importlib.util.spec_from_file_location("_common_passwords", path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No list of common passwords at {path}")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lists: dict[str, list[str]] = module.FREQUENCY_LISTS
    return lists
