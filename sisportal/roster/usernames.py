"""Usernames for new accounts: the SIS's, else the e-mail address, else made from the name; never two alike."""

import unicodedata
from collections.abc import Iterable, Iterator

from sisportal.roster.records import Person, Role
from sisportal.roster.text import folded, name_words

LONGEST = 150
_FALLBACK = {Role.STUDENT: "student", Role.TEACHER: "teacher"}


def propose(person: Person) -> str:
    """The username that the person would have if nobody else had it."""
    return candidates(person)[0]


def candidates(person: Person) -> list[str]:
    """What the person could be called, best first; the last one is made from the name and can be numbered."""
    return list(dict.fromkeys(_wished(person)))


def from_name(person: Person) -> str:
    """``first.last`` in plain letters; of a name without any, the role and the number or id (``student-1024``)."""
    parts = [_letters(person.first_name), _letters(person.last_name)]
    name = ".".join(part for part in parts if part)
    if name:
        return name[:LONGEST]
    number = _letters(person.number or person.sis_id) or _letters(person.source_id)[-8:]
    return f"{_FALLBACK.get(person.role, 'user')}-{number}"[:LONGEST].rstrip("-")


def _wished(person: Person) -> Iterator[str]:
    for value in (person.username, person.email):
        if wished := _clean(value):
            yield wished
    yield from_name(person)


class Usernames:
    """The usernames that are taken, whatever their case; hands out the ones that are not.

    The same requests in the same order give the same usernames: ask in ascending order of ``source_id``. Memory: one
    short string per username.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {folded(username) for username in taken}
        self._numbers: dict[str, int] = {}

    def __contains__(self, username: str) -> bool:
        return folded(username) in self._taken

    def take(self, username: str) -> bool:
        """Mark a username as taken; False when it was."""
        key = folded(username)
        if key in self._taken:
            return False
        self._taken.add(key)
        return True

    def release(self, username: str) -> None:
        """Make a username free again."""
        self._taken.discard(folded(username))

    def allocate(self, person: Person) -> str:
        """A username for the person that nobody has, taken from now on."""
        for username in _wished(person):
            if self.take(username):
                return username
        return self._numbered(from_name(person))

    def _numbered(self, base: str) -> str:
        # Where to go on is remembered, or a thousand people of one name would each try all numbers before theirs.
        number = self._numbers.get(base, 1)
        while True:
            number += 1
            username = f"{base[: LONGEST - len(str(number))]}{number}"
            if self.take(username):
                self._numbers[base] = number
                return username


def _clean(value: str) -> str:
    if value.isascii() and value.isprintable() and len(value) <= LONGEST:
        return " ".join(value.split())
    shown = "".join(letter if letter.isprintable() else " " for letter in unicodedata.normalize("NFKC", value))
    return " ".join(shown.split())[:LONGEST].strip()


def _letters(value: str) -> str:
    return "".join(letter for word in name_words(value) for letter in word if letter.isascii() and letter.isalnum())
