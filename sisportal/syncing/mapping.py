"""Schools of the SIS and the portal's organizations: listed, suggested, mapped, and made where there are none yet."""

import re
import unicodedata
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from sisportal.models import Mapping, Organization, OrganizationLink, SisConnection, SisSchool, Source
from sisportal.models.database import writing
from sisportal.providers.oneroster import OneRosterProvider
from sisportal.roster.records import PORTAL
from sisportal.roster.text import folded
from sisportal.syncing import apps, hierarchy
from sisportal.syncing.connections import OpenProvider, load, map_school, remember_schools, settle_version
from sisportal.syncing.progress import Clock
from sisportal.syncing.rows import insert_one
from sisportal.syncing.settings import PARTITION, write_setting

LONGEST_SLUG = 100


class UnknownSchool(Exception):
    """The SIS lists no school of this id."""


class Mapped(msgspec.Struct, frozen=True):
    """What became of the mapping of one school."""

    school: str
    organization_id: int
    organization: str
    made: bool
    """Whether the organization was made for it."""


class ListedSchool(msgspec.Struct, frozen=True):
    """A school of the SIS and what it is mapped to."""

    id: str
    name: str
    sis_id: str
    organization: str | None
    """Name of its organization; None where it has none, or is the one school of a single-school portal."""
    mapping: Mapping
    gone: bool
    kind: str = "school"
    """In OneRoster: ``school``, ``district``, ``department``..."""
    organization_id: int | None = None
    whole_portal: bool = False
    """Whether it stands for a whole portal in a portal's package."""


def fetch_schools(engine: Engine, connection_id: int, open_provider: OpenProvider, clock: Clock) -> None:
    """Bring the list of schools, and what is shown of the district, up to date from the SIS.

    Raises ``ProviderError`` and ``SecretsUnreadable``.
    """
    with engine.connect() as connection:
        facts = load(connection, connection_id)
    provider = open_provider(facts)
    schools, district = provider.schools(), msgspec.to_builtins(provider.district())
    with writing(engine).begin() as connection:
        connection.execute(update(SisConnection).where(SisConnection.id == connection_id).values(district=district))
        # Not the whole list: whether a school is gone is for a prepare to prove.
        remember_schools(connection, connection_id, schools, clock(), whole=False)
    if facts.settings.get("any_version") and isinstance(provider, OneRosterProvider):
        settle_version(engine, connection_id, provider.version, clock())


def list_schools(connection: Connection, connection_id: int) -> list[ListedSchool]:
    """Every school that the SIS lists, and every one that it listed once and that is mapped still; by name."""
    rows = connection.execute(
        select(SisSchool.__table__, Organization.name.label("organization"))
        .outerjoin(Organization, Organization.id == SisSchool.organization_id)
        .where(SisSchool.connection_id == connection_id)
        .order_by(SisSchool.name, SisSchool.source_id)
    )
    return [
        ListedSchool(
            row.source_id,
            row.name,
            row.sis_id,
            row.organization,
            Mapping(row.mapping),
            row.gone_at is not None,
            row.payload.get("kind") or "school",
            row.organization_id,
            is_whole_portal(row),
        )
        for row in rows
        if row.gone_at is None or row.mapping == Mapping.MAPPED
    ]


def map_to_organization(connection: Connection, connection_id: int, source_id: str, name: str, now: datetime) -> Mapped:
    """Map a school to the organization of this name, which is made where there is none. Raises ``UnknownSchool``."""
    school = _school(connection, connection_id, source_id)
    organization_id = _named(connection, name)
    made = organization_id is None
    if organization_id is None:
        organization_id = make_organization(connection, name, school.sis_id, now)
    return _map(connection, school, organization_id, now, made=made)


def map_to(
    connection: Connection, connection_id: int, source_id: str, organization_id: int | None, now: datetime
) -> Mapped:
    """Map a school to an organization by its id; None makes a new one of the school's name. Raises ``UnknownSchool``."""
    school = _school(connection, connection_id, source_id)
    known = organization_id or _make(connection, school, now)
    return _map(connection, school, known, now, made=organization_id is None)


def map_to_portal(connection: Connection, connection_id: int, source_id: str, now: datetime) -> None:
    """Map a school to the portal itself, which is none of its organizations. Raises ``UnknownSchool``."""
    _unlink(connection, _school(connection, connection_id, source_id))
    map_school(connection, connection_id, source_id, Mapping.MAPPED, None, now)


def ignore_school(connection: Connection, connection_id: int, source_id: str, now: datetime) -> None:
    """Keep a school out of every sync. Raises ``UnknownSchool``."""
    school = _school(connection, connection_id, source_id)
    _unlink(connection, school)
    map_school(connection, connection_id, source_id, Mapping.IGNORED, None, now)


def auto_create(connection: Connection, connection_id: int, now: datetime) -> list[Mapped]:
    """Map every school that is not ignored: to its organization, else to one of equal name, else to a new one.

    What stands for a whole portal is none of its organizations. The organizations keep the hierarchy of the schools. Organizations is installed and partitioned.
    """
    schools = [row for row in _listed(connection, connection_id) if row.mapping != Mapping.IGNORED]
    if not all(map(is_whole_portal, schools)):
        apps.install(connection, "organizations", now)
        write_setting(connection, PARTITION, value=True)
    parents = hierarchy.parents_now(connection, connection_id)
    equal = suggestions(connection, connection_id)
    mapped: list[Mapped] = []
    for school in schools:
        if is_whole_portal(school):
            map_to_portal(connection, connection_id, school.source_id, now)
            continue
        known = school.organization_id or equal.get(school.source_id)
        organization_id = known or _make(connection, school, now)
        mapped.append(_map(connection, school, organization_id, now, made=known is None))
    hierarchy.arrange(connection, connection_id, parents, parents)
    return mapped


def suggestions(connection: Connection, connection_id: int) -> dict[str, int]:
    """For schools without an organization, that of equal name: ``source_id`` -> its id.

    An organization that another school of the connection is mapped to, or that two schools would want, is not suggested; nor
    is an active one for a school that is listed as archived, or the other way.
    """
    free = {
        (folded(row.name), row.archived_at is not None): row.id for row in reversed(_free(connection, connection_id))
    }
    suggested: dict[str, int] = {}
    for school in _listed(connection, connection_id):
        if school.organization_id is not None or is_whole_portal(school):
            continue
        if found := free.pop((folded(school.name), _is_archived(school)), None):
            suggested[school.source_id] = found
    return suggested


def is_whole_portal(school: Row[Any]) -> bool:
    """Whether a row of ``SisSchool`` stands for a whole portal, in a package that a portal wrote."""
    return bool(school.payload.get("kind") == PORTAL)


def _is_archived(school: Row[Any]) -> bool:
    return bool(school.payload.get("archived"))


def _make(connection: Connection, school: Row[Any], now: datetime) -> int:
    """A new organization for a school, archived where the school is listed as that; its id."""
    organization_id = make_organization(connection, school.name or school.source_id, school.sis_id, now)
    if _is_archived(school):
        archived = update(Organization).where(Organization.id == organization_id).values(archived_at=now)
        connection.execute(archived)
    return organization_id


def make_organization(connection: Connection, name: str, sis_id: str, now: datetime) -> int:
    """A new organization, with a slug that no other has; its id."""
    name = " ".join(name.split())
    values = {
        "name": name,
        "slug": _free_slug(connection, name),
        "sis_id": sis_id,
        "source": Source.SYNC,
        "created_at": now,
    }
    return insert_one(connection, Organization, values)


def slug_of(name: str) -> str:
    """The name as a part of an address: ``St. Mary's École`` is ``st-marys-ecole``."""
    plain = unicodedata.normalize("NFKD", folded(name)).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    return "-".join(words)[:LONGEST_SLUG].strip("-") or "organization"


def _free_slug(connection: Connection, name: str) -> str:
    slug = slug_of(name)
    taken = set(
        connection.scalars(select(Organization.slug).where(Organization.slug.startswith(slug, autoescape=True)))
    )
    number, free = 1, slug
    while free in taken:
        number += 1
        free = f"{slug}-{number}"
    return free


def _listed(connection: Connection, connection_id: int) -> list[Row[Any]]:
    statement = select(SisSchool.__table__).where(SisSchool.connection_id == connection_id, SisSchool.gone_at.is_(None))
    return list(connection.execute(statement.order_by(SisSchool.source_id)))


def _school(connection: Connection, connection_id: int, source_id: str) -> Row[Any]:
    school = next((row for row in _listed(connection, connection_id) if row.source_id == source_id), None)
    if school is None:
        raise UnknownSchool(f"The SIS lists no school with the id {source_id!r}.")
    return school


def _named(connection: Connection, name: str) -> int | None:
    rows = connection.execute(
        select(Organization.id, Organization.name).where(Organization.archived_at.is_(None)).order_by(Organization.id)
    )
    return next((row.id for row in rows if folded(row.name) == folded(name)), None)


def _free(connection: Connection, connection_id: int) -> list[Row[Any]]:
    taken = select(SisSchool.organization_id).where(
        SisSchool.connection_id == connection_id, SisSchool.organization_id.is_not(None)
    )
    statement = select(Organization.id, Organization.name, Organization.archived_at).where(
        Organization.id.not_in(taken)
    )
    return list(connection.execute(statement.order_by(Organization.id)))


def _map(connection: Connection, school: Row[Any], organization_id: int, now: datetime, *, made: bool) -> Mapped:
    _unlink(connection, school)
    link = {
        "connection_id": school.connection_id, "source_id": school.source_id, "organization_id": organization_id
    }  # fmt: skip
    connection.execute(insert(OrganizationLink), [link])
    map_school(connection, school.connection_id, school.source_id, Mapping.MAPPED, organization_id, now)
    name = connection.scalars(select(Organization.name).where(Organization.id == organization_id)).one()
    return Mapped(school.source_id, organization_id, name, made)


def _unlink(connection: Connection, school: Row[Any]) -> None:
    connection.execute(
        delete(OrganizationLink).where(
            OrganizationLink.connection_id == school.connection_id, OrganizationLink.source_id == school.source_id
        )
    )
