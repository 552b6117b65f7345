"""The store held against itself: what does not fit together, and what to do about it (SPEC 10, ``flask check``)."""

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Connection, Engine

from sisportal.syncing import check_directory, check_links, check_settings, check_syncs, check_tables
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.findings import RESTORE, Finding

Check = Callable[[Connection], Iterable[Finding]]


def check_store(engine: Engine, cipher: Cipher, now: datetime) -> list[Finding]:
    """Everything that is wrong; nothing where all is well. Reads only."""
    with engine.connect() as connection:
        return check_within(connection, cipher, now)


def check_within(connection: Connection, cipher: Cipher, now: datetime) -> list[Finding]:
    """The same in the transaction of a connection. Where something cannot be read, what needs it is not looked at."""
    found: list[Finding] = []
    for checks in (
        (check_tables.file,),
        (check_tables.shape,),
        (check_tables.references, check_tables.words),
        (check_tables.texts,),
        _contents(cipher, now),
    ):
        before = len(found)
        for check in checks:
            found += check(connection)
        if checks[0] in _NEEDED and any(finding.advice == RESTORE for finding in found[before:]):
            break
    return found


_NEEDED: frozenset[Check] = frozenset({check_tables.file, check_tables.shape, check_tables.texts})
"""What has to hold before the next ones can read anything."""


def _contents(cipher: Cipher, now: datetime) -> tuple[Check, ...]:
    return (
        lambda connection: check_links.secrets(connection, cipher),
        check_settings.settings,
        check_settings.options,
        check_settings.administrators,
        check_directory.organizations,
        check_directory.classes,
        check_directory.rosters,
        check_directory.accounts,
        check_links.links,
        check_links.places,
        check_links.mirror,
        check_links.committed,
        check_syncs.counts,
        check_syncs.targets,
        check_syncs.states,
        lambda connection: check_syncs.stopped(connection, now),
    )
