"""Organizations by hand: made, changed, moved in the tree, archived and reactivated (SPEC 2.3)."""

import re
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select, update

from sisportal.models import Organization, SisSchool, Source, Sync, SyncState
from sisportal.roster.text import folded
from sisportal.syncing.by_hand import Invalid, Refused, record
from sisportal.syncing.mapping import LONGEST_SLUG, make_organization, slug_of
from sisportal.syncing.review import Who
from sisportal.syncing.rows import insert_one

COLOURS = ("blue", "teal", "green", "amber", "red", "purple", "grey")
"""What a front page may be coloured with: names of classes of the style sheet, light and dark."""
LONGEST_NAME = 200
LONGEST_WELCOME = 5_000
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """An organization as a person describes it."""

    name: str
    slug: str = ""
    """Blank: made of the name."""
    parent_id: int | None = None
    sis_id: str = ""
    welcome: str = ""
    colour: str = ""


def make(connection: Connection, entered: Entered, who: Who, now: datetime) -> int:
    """A new organization; its id. Raises ``Invalid``."""
    _check(connection, entered, None)
    if entered.slug:
        values = _values(entered) | {"source": Source.HAND, "created_at": now, "edited_at": now}
        organization_id = insert_one(connection, Organization, values)
    else:
        organization_id = make_organization(connection, entered.name, entered.sis_id, now)
        values = {name: value for name, value in _values(entered).items() if name != "slug"}
        _update(connection, organization_id, **values, source=Source.HAND, edited_at=now)
    record(connection, "organization-made", entered.name, who, now)
    return organization_id


def change(connection: Connection, organization_id: int, entered: Entered, who: Who, now: datetime) -> bool:
    """Change an organization; whether anything differs. Raises ``Invalid``, also for a place below itself."""
    row = _row(connection, organization_id)
    _check(connection, entered, organization_id)
    values = _values(entered) | {"slug": entered.slug or row.slug}
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if changed:
        _update(connection, organization_id, **changed, edited_at=now)
        record(connection, "organization-changed", row.name, who, now, fields=", ".join(sorted(changed)))
    return bool(changed)


def archive(connection: Connection, organization_id: int, who: Who, now: datetime) -> None:
    """Archive an organization; its people and classes stay as they are. Raises ``Refused``."""
    row = _row(connection, organization_id)
    below = select(func.count()).where(Organization.parent_id == organization_id, Organization.archived_at.is_(None))
    if connection.scalar(below):
        raise Refused("Other organizations are below it. Archive or move those first.")
    if connection.scalar(select(SisSchool.id).where(SisSchool.organization_id == organization_id).limit(1)):
        raise Refused(
            "A school of the SIS is mapped to it. Map the school to another organization first, or ignore it."
        )
    if row.archived_at is None:
        _update(connection, organization_id, archived_at=now, archived_by_sync=None, edited_at=now)
        record(connection, "organization-archived", row.name, who, now)


def reactivate(connection: Connection, organization_id: int, who: Who, now: datetime) -> None:
    """Take an organization out of the archive. Raises ``Refused``."""
    row = _row(connection, organization_id)
    parent = connection.scalar(select(Organization.archived_at).where(Organization.id == row.parent_id))
    if parent is not None:
        raise Refused("The organization above it is archived. Reactivate that one first.")
    if row.archived_at is not None:
        _update(connection, organization_id, archived_at=None, archived_by_sync=None, edited_at=now)
        record(connection, "organization-reactivated", row.name, who, now)


def below(connection: Connection, organization_id: int) -> set[int]:
    """The organization and all below it, archived ones included: where it cannot be moved to."""
    rows = connection.execute(select(Organization.id, Organization.parent_id))
    parents = {row.id: row.parent_id for row in rows}
    found = {organization_id}
    while more := {id_ for id_, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def last_committed(connection: Connection) -> int | None:
    """The sync that was committed last, of whichever connection; None before the first."""
    done = Sync.state.in_([SyncState.COMMITTED, SyncState.PARTLY_COMMITTED])
    return connection.scalar(select(Sync.id).where(done).order_by(Sync.finished_at.desc(), Sync.id.desc()).limit(1))


def _values(entered: Entered) -> dict[str, Any]:
    return {
        "name": " ".join(entered.name.split()),
        "slug": entered.slug,
        "parent_id": entered.parent_id,
        "sis_id": entered.sis_id.strip(),
        "welcome": entered.welcome.strip(),
        "colour": entered.colour,
    }


def _check(connection: Connection, entered: Entered, organization_id: int | None) -> None:
    errors = {**_check_words(entered), **_check_place(connection, entered.parent_id, organization_id)}
    others = list(
        connection.execute(select(Organization.id, Organization.name, Organization.slug, Organization.parent_id))
    )
    for other in others:
        if other.id == organization_id:
            continue
        if entered.slug and other.slug == entered.slug:
            errors.setdefault("slug", f"{other.name} has this address already.")
        if other.parent_id == entered.parent_id and folded(other.name) == folded(entered.name):
            errors.setdefault("name", "Another organization in the same place has this name.")
    if errors:
        raise Invalid(errors)


def _check_words(entered: Entered) -> dict[str, str]:
    errors = {}
    if not entered.name.strip():
        errors["name"] = "Give it a name."
    for field, longest in (("name", LONGEST_NAME), ("sis_id", LONGEST_NAME), ("welcome", LONGEST_WELCOME)):
        if len(getattr(entered, field)) > longest:
            errors[field] = f"This is longer than {longest:,} letters."
    if entered.slug and (len(entered.slug) > LONGEST_SLUG or not _SLUG.fullmatch(entered.slug)):
        errors["slug"] = f"Only small letters, digits and single dashes, such as {slug_of(entered.name)}."
    if entered.colour and entered.colour not in COLOURS:
        errors["colour"] = f"Choose one of {', '.join(COLOURS)}."
    return errors


def _check_place(connection: Connection, parent_id: int | None, organization_id: int | None) -> dict[str, str]:
    if parent_id is None:
        return {}
    row = connection.execute(
        select(Organization.parent_id, Organization.archived_at).where(Organization.id == parent_id)
    )
    parent = row.one_or_none()
    if parent is None:
        return {"parent": "There is no such organization."}
    if organization_id is not None and parent_id in below(connection, organization_id):
        return {"parent": "An organization cannot stand below itself."}
    own = select(Organization.parent_id).where(Organization.id == organization_id)
    if parent.archived_at is not None and connection.scalar(own) != parent_id:
        return {"parent": "That organization is archived."}
    return {}


def _row(connection: Connection, organization_id: int) -> Row[Any]:
    return connection.execute(select(Organization.__table__).where(Organization.id == organization_id)).one()


def _update(connection: Connection, organization_id: int, **values: Any) -> None:
    connection.execute(update(Organization).where(Organization.id == organization_id).values(values))
