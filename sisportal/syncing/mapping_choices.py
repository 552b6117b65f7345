"""The mapping of every school at once: which organization each is, and what that would archive, before it is stored."""

from collections.abc import Iterable
from collections.abc import Mapping as Choices
from datetime import datetime

from sqlalchemy import Connection, func, select

from sisportal.models import Mapping, Organization, SisSchool
from sisportal.syncing import apps, hierarchy, mapping
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS
from sisportal.syncing.mirror import PEOPLE
from sisportal.syncing.settings import PARTITION, write_setting

LEAVE_OUT, CREATE, WHOLE = "", "new", "whole"
"""What may be chosen for a school, beside the id of an organization as text. ``whole``: it is the portal's one school."""


def organizations(connection: Connection, also: Iterable[int] = ()) -> list[tuple[int, str]]:
    """Those that a school can be: id and name, by name. Of archived ones those that a school is, and ``also`` these."""
    held = select(SisSchool.organization_id).where(SisSchool.organization_id.is_not(None))
    columns = select(Organization.id, Organization.name, Organization.archived_at)
    statement = columns.where(
        Organization.archived_at.is_(None) | Organization.id.in_(held) | Organization.id.in_(list(also))
    )
    rows = connection.execute(statement.order_by(Organization.name, Organization.id))
    return [(row.id, row.name if row.archived_at is None else f"{row.name} (archived)") for row in rows]


def whole_portals(connection: Connection, connection_id: int) -> frozenset[str]:
    """Those of the listed schools that stand for a whole portal: they may be that beside the organizations of others."""
    rows = connection.execute(select(SisSchool.__table__).where(SisSchool.connection_id == connection_id))
    return frozenset(row.source_id for row in rows if mapping.is_whole_portal(row))


def mapped_now(connection: Connection, connection_id: int) -> dict[str, str]:
    """``source_id`` of each listed school -> what was chosen for it."""
    statement = select(SisSchool.source_id, SisSchool.organization_id, SisSchool.mapping).where(
        SisSchool.connection_id == connection_id, SisSchool.gone_at.is_(None)
    )
    return {row[0]: chosen(row[1], row[2]) for row in connection.execute(statement)}


def chosen(organization_id: int | None, how: str) -> str:
    """What stands for this mapping of a school among the choices."""
    return str(organization_id or (WHOLE if how == Mapping.MAPPED else LEAVE_OUT))


def would_archive(connection: Connection, connection_id: int, choices: Choices[str, str]) -> dict[str, int]:
    """Schools that are synced and would no longer be -> how many active accounts of theirs the next sync would archive."""
    mapped = select(SisSchool.source_id).where(
        SisSchool.connection_id == connection_id, SisSchool.mapping == Mapping.MAPPED
    )
    leaving = [school for school in connection.scalars(mapped) if choices.get(school) == LEAVE_OUT]
    people = (
        select(PEOPLE.c.school, func.count())
        .join(ACCOUNT_LINKS, ACCOUNT_LINKS.c.source_id == PEOPLE.c.source_id)
        .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
        .where(PEOPLE.c.connection_id == connection_id, ACCOUNT_LINKS.c.connection_id == connection_id)
        .where(PEOPLE.c.school.in_(leaving), ACCOUNTS.c.archived_at.is_(None))
        .group_by(PEOPLE.c.school)
    )
    return {row[0]: row[1] for row in connection.execute(people)}


def store(
    connection: Connection,
    connection_id: int,
    choices: Choices[str, str],
    now: datetime,
    parents: Choices[str, str] | None = None,
) -> int:
    """Map every school as chosen, and put it below the one of ``parents``; how many changed or moved.

    Organizations is installed and partitioned where one is mapped. Raises ``UnknownSchool`` for a school that is not listed.
    """
    before, stood = mapped_now(connection, connection_id), hierarchy.parents_now(connection, connection_id)
    undecided = {
        each.id for each in mapping.list_schools(connection, connection_id) if each.mapping == Mapping.UNMAPPED
    }
    changed = [school for school, choice in choices.items() if choice != before.get(school) or school in undecided]
    if not set(choices.values()) <= {LEAVE_OUT, WHOLE}:
        apps.install(connection, "organizations", now)
        write_setting(connection, PARTITION, value=True)
    for school in changed:
        choice = choices[school]
        if choice == LEAVE_OUT:
            mapping.ignore_school(connection, connection_id, school, now)
        elif choice == WHOLE:
            mapping.map_to_portal(connection, connection_id, school, now)
        else:
            mapping.map_to(connection, connection_id, school, None if choice == CREATE else int(choice), now)
    return len(changed) + (hierarchy.arrange(connection, connection_id, stood, parents) if parents else 0)
