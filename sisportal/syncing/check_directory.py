"""The LMS side against itself: organizations, classes, parents, accounts."""

from collections.abc import Iterator

from sqlalchemy import Connection, and_, exists, func, or_, select

from sisportal.models import Account, AccountRole, ClassLink, Membership, Organization, SchoolClass, Source
from sisportal.roster.text import LONGEST_SEARCH, searchable
from sisportal.syncing.findings import REPORT_IT, Finding, found, listed
from sisportal.syncing.held import ACCOUNTS, CLASSES
from sisportal.syncing.rows import read


def organizations(connection: Connection) -> Iterator[Finding]:
    """Organizations that stand under themselves."""
    above: dict[int, int | None] = {
        row[0]: row[1] for row in connection.execute(select(Organization.id, Organization.parent_id))
    }
    for id_ in above:
        if id_ in _above(above, id_):
            yield Finding(f"Organization {id_} stands under itself.", "Give it another parent.")


def _above(parents: dict[int, int | None], id_: int) -> list[int]:
    """The organizations over one of them, the nearest first; each once, also where they go round."""
    line: list[int] = []
    next_ = parents.get(id_)
    while next_ is not None and next_ not in line:
        line.append(next_)
        next_ = parents.get(next_)
    return line


def classes(connection: Connection) -> Iterator[Finding]:
    """Sessions and their parents."""
    parent = SchoolClass.__table__.alias("parent")
    sessions = select(SchoolClass.id).join(parent, parent.c.id == SchoolClass.parent_id)
    no_parent = sessions.where(parent.c.is_parent.is_(False))
    yield from listed(connection, no_parent, "classes are sessions of a class that is no parent", REPORT_IT)
    nested = select(SchoolClass.id).where(SchoolClass.is_parent, SchoolClass.parent_id.is_not(None))
    yield from listed(connection, nested, "parent classes stand under another class", REPORT_IT)
    hidden = sessions.where(SchoolClass.archived_at.is_(None), parent.c.archived_at.is_not(None))
    yield from listed(
        connection, hidden, "classes are active under an archived parent", "Reactivate the parent, or archive them."
    )
    yield from _parents(connection)


def _parents(connection: Connection) -> Iterator[Finding]:
    """Parents hold sessions, not people; those that a sync made are archived with their last session (SPEC 10)."""
    peopled = (
        select(SchoolClass.id)
        .join(Membership, Membership.class_id == SchoolClass.id)
        .where(SchoolClass.is_parent, Membership.ended_by_sync.is_(None))
        .distinct()
    )
    yield from listed(connection, peopled, "parent classes have people of their own", REPORT_IT)
    linked = select(SchoolClass.id).where(
        SchoolClass.is_parent, exists().where(ClassLink.class_id == SchoolClass.id, ClassLink.connection_id > 0)
    )
    yield from listed(connection, linked, "parent classes are linked to a section of the SIS", REPORT_IT)
    session = SchoolClass.__table__.alias("session")
    has_session = exists().where(session.c.parent_id == SchoolClass.id, session.c.archived_at.is_(None))
    left = select(SchoolClass.id).where(
        SchoolClass.is_parent, SchoolClass.source == Source.SYNC, SchoolClass.archived_at.is_(None), ~has_session
    )
    yield from listed(connection, left, "parent classes are active without an active session", REPORT_IT)


def rosters(connection: Connection) -> Iterator[Finding]:
    """Places in classes that say two things at once."""
    first = select(Membership.class_id).where(Membership.position == 0, Membership.ended_by_sync.is_(None))
    twice = first.join(Account, Account.id == Membership.account_id).where(Account.archived_at.is_(None))
    twice = twice.group_by(Membership.class_id).having(func.count() > 1)
    yield from listed(
        connection, twice, "classes have more than one primary teacher", "Choose one on the page of the class."
    )
    odd = (
        select(Membership.class_id)
        .where(or_(Membership.position < 0, Membership.position > Membership.STUDENT))
        .distinct()
    )
    yield from listed(connection, odd, "classes have people in places that are none", REPORT_IT)


def accounts(connection: Connection) -> Iterator[Finding]:
    """Usernames, organizations, and what lists search in."""
    twice = select(func.lower(Account.username)).group_by(func.lower(Account.username)).having(func.count() > 1)
    yield from listed(
        connection, twice, "usernames belong to more than one account", "Give all but one of them another username."
    )
    unnamed = select(Account.id).where(Account.username == "")
    yield from listed(connection, unnamed, "accounts have no username", "Give them one.")
    for table, noun in ((ACCOUNTS, "accounts"), (CLASSES, "classes")):
        both = select(table.c.id).where(table.c.archived_at.is_(None), table.c.archived_by_sync.is_not(None))
        yield from listed(
            connection, both, f"{noun} are active although a sync is said to have archived them", REPORT_IT
        )
    yield from _organizations_of_accounts(connection)
    yield from _searched(connection)


def _organizations_of_accounts(connection: Connection) -> Iterator[Finding]:
    known = set(connection.scalars(select(Organization.id)))
    statement = select(Account.id, Account.organization_id, Account.organizations).where(
        Account.organization_id.is_not(None)
    )
    wrong = [row[0] for row in read(connection, statement) if row[1] not in row[2] or not known.issuperset(row[2])]
    yield from found(wrong, "accounts do not list their own organization, or list one that is not there", REPORT_IT)
    alone = and_(Account.role == AccountRole.ORGANIZATION_ADMINISTRATOR, Account.organization_id.is_(None))
    yield from listed(
        connection,
        select(Account.id).where(alone),
        "organization administrators have no organization",
        "Give them one, or another role.",
    )


def _searched(connection: Connection) -> Iterator[Finding]:
    """What lists sort by begins with the name, and people are found by their username."""
    statement = select(Account.id, Account.search, Account.last_name, Account.first_name, Account.username)
    wrong = [
        id_
        for id_, search, last, first, username in read(connection, statement)
        if not search.startswith(searchable(last, first)) or not _is_in(username, search)
    ]
    advice = "Open each and save it, which writes anew what lists search in."
    yield from found(wrong, "accounts are sorted and searched for by another name than they have", advice)
    classes = select(SchoolClass.id, SchoolClass.search, SchoolClass.name)
    wrong = [id_ for id_, search, name in read(connection, classes) if not search.startswith(searchable(name))]
    yield from found(wrong, "classes are sorted and searched for by another name than they have", advice)


def _is_in(username: str, search: str) -> bool:
    return searchable(username) in search or len(search) >= LONGEST_SEARCH - len(username) - 1
