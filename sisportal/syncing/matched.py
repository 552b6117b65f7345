"""From the match of a record without a link to its action: an add, a link, or one that is held (SPEC 6.3)."""

from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Connection, Table, Text, and_, select, type_coerce

from sisportal.roster.fields import Places
from sisportal.roster.matching import Match, Outcome, Reason
from sisportal.roster.options import Options
from sisportal.roster.planning import Held, Planned, person_label, plan_link, plan_person, plan_section, section_label
from sisportal.roster.records import Person, Section
from sisportal.syncing.among import among
from sisportal.syncing.held import (
    ACCOUNT_LINKS,
    ACCOUNTS,
    CLASS_LINKS,
    CLASSES,
    account_columns,
    account_held,
    class_columns,
    class_held,
    decode_values,
)
from sisportal.syncing.mirror import PEOPLE, SECTIONS

R = TypeVar("R", Person, Section)
DECIDED_NEW = Match(Outcome.NEW, evidence={"rule": "decided", "decision": "create"})
REPLACES = "replaces"
"""In the *before* of an add: the account that the id was linked to until then."""
KEPT = "kept"
"""In the *after* of an edit: what the SIS says of fields whose value in the portal a person chose to keep."""
ORDER = "order"
"""In the roster of an edit: whose order of teachers a person chose, the ``sis``'s or the ``portal``'s."""


class Incoming(msgspec.Struct, Generic[R], frozen=True):
    """A record without a link, as the mirror has it."""

    record: R
    fingerprint: int
    search: str


def person_action(
    incoming: Incoming[Person],
    match: Match,
    account: Held | None,
    was: str,
    kind: str,
    options: Options,
    places: Places,
) -> Planned:
    """The action for a person; of an add, the username is the caller's business.

    ``was``: what the account is linked to until then; blank for none.
    """
    person = incoming.record
    if match.outcome is not Outcome.LINK:
        account = None
    planned = plan_person(person, incoming.fingerprint, account, options, places)
    if planned is None:
        planned = link_only(incoming, str(person.role), person_label(person), person.school)
    planned.search = incoming.search
    return _with_match(planned, match, account, kind, was)


def section_action(
    incoming: Incoming[Section],
    match: Match,
    class_: Held | None,
    was: str,
    members: frozenset[str],
    kind: str,
    options: Options,
    places: Places,
) -> Planned:
    """The action for a section; ``members`` as ``plan_section`` takes them."""
    section = incoming.record
    if match.outcome is not Outcome.LINK:
        class_ = None
    planned = plan_section(section, incoming.fingerprint, class_, members, options, places)
    if planned is None:
        planned = link_only(incoming, "section", section_label(section), section.school)
    planned.search = incoming.search
    return _with_match(planned, match, class_, kind, was)


def replacing(planned: Planned, account_id: int) -> Planned:
    """The add of an account for an id that another account had: that one gives up the id and is archived."""
    planned.before = planned.before | {REPLACES: account_id}
    return planned


def free_targets(
    connection: Connection, connection_id: int, links: Table, matches: list[Match]
) -> tuple[list[Match], dict[int, str]]:
    """The matches, those held that want a record whose own is listed still; and what the others are linked to by now.

    A person may say that an account is somebody although it is linked: then its link moves, if nobody else needs it.
    """
    target = links.c.account_id if links is ACCOUNT_LINKS else links.c.class_id
    records = PEOPLE if links is ACCOUNT_LINKS else SECTIONS
    wanted = [match.target for match in matches if match.decided and match.target is not None]
    if not wanted:
        return matches, {}
    mine = links.c.connection_id == connection_id
    linked = {
        row[0]: row[1]
        for row in connection.execute(select(target, links.c.source_id).where(mine, among(target, wanted)))
    }
    listed = select(records.c.source_id).where(
        records.c.connection_id == connection_id,
        among(records.c.source_id, linked.values()),
        records.c.gone_in_sync.is_(None),
        records.c.in_scope,
    )
    needed = set(connection.scalars(listed))
    taken = {target_id for target_id, source_id in linked.items() if source_id in needed}
    settled = [
        msgspec.structs.replace(match, outcome=Outcome.HELD, target=None, reason=Reason.CLAIMED_TWICE)
        if match.target in taken
        else match
        for match in matches
    ]
    return settled, {target_id: source_id for target_id, source_id in linked.items() if target_id not in taken}


def _with_match(planned: Planned, match: Match, held: Held | None, kind: str, was: str) -> Planned:
    if held is not None:
        both = (
            {"both": planned.evidence["both"]} if planned.held else {}
        )  # what was changed here and in the SIS waits, too
        return plan_link(planned, held.id, kind, match.evidence | both, was)
    planned.evidence = planned.evidence | match.evidence
    planned.held = str(match.reason) if match.outcome is Outcome.HELD else ""
    return planned


def link_only(incoming: Incoming[Any], type_: str, label: str, school: str) -> Planned:
    """An edit of nothing but the link."""
    return Planned(type_, "edit", incoming.record.source_id, label, school, fingerprint=incoming.fingerprint)


def held_accounts(connection: Connection, connection_id: int, ids: list[int]) -> dict[int, Held]:
    """Accounts by id; what was last written of one that is linked stays what its pins are told by, under another id, too."""
    if not ids:
        return {}
    link = and_(ACCOUNT_LINKS.c.connection_id == connection_id, ACCOUNT_LINKS.c.account_id == ACCOUNTS.c.id)
    statement = (
        select(ACCOUNTS.c.id, ACCOUNTS.c.archived_at, type_coerce(ACCOUNT_LINKS.c.written, Text), *account_columns())
        .select_from(ACCOUNTS.outerjoin(ACCOUNT_LINKS, link))
        .where(among(ACCOUNTS.c.id, ids))
    )
    rows = connection.execute(statement)
    return {
        row[0]: Held(row[0], account_held(row[3:]), decode_values(row[2]) if row[2] else {}, row[1] is not None)
        for row in rows
    }


def held_classes(connection: Connection, connection_id: int, ids: list[int]) -> dict[int, Held]:
    """As ``held_accounts``, of classes."""
    if not ids:
        return {}
    link = and_(CLASS_LINKS.c.connection_id == connection_id, CLASS_LINKS.c.class_id == CLASSES.c.id)
    statement = (
        select(CLASSES.c.id, CLASSES.c.archived_at, type_coerce(CLASS_LINKS.c.written, Text), *class_columns())
        .select_from(CLASSES.outerjoin(CLASS_LINKS, link))
        .where(among(CLASSES.c.id, ids))
    )
    rows = connection.execute(statement)
    return {
        row[0]: Held(row[0], class_held(row[3:]), decode_values(row[2]) if row[2] else {}, row[1] is not None)
        for row in rows
    }
