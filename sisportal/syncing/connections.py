"""Connections to the SIS: made, opened, tested, and their schools mapped to organizations."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, exists, insert, select, update

from sisportal.models import (
    AccountLink,
    ClassLink,
    Mapping,
    NoticeKind,
    SisConnection,
    SisPerson,
    SisSchool,
    SisSection,
    Sync,
)
from sisportal.models.database import writing
from sisportal.providers.base import Held, Provider, ProviderError
from sisportal.providers.oneroster_csv import open_csv
from sisportal.providers.opening import open_clever, open_oneroster
from sisportal.roster.fields import Places
from sisportal.roster.options import Options, as_text, decode, defaults, encode, same_plan, shape
from sisportal.roster.records import School, encoded
from sisportal.syncing import notices, timetable
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.rows import insert_one

DAYS = ("year_start", "year_end", "semester_start", "semester_end")
"""Settings of a OneRoster connection: first and last day of the school year and of the semester, ISO or blank."""
MAP_ALL_FIRST = "map_all_first"
"""Setting of a CSV connection: every school of the first file becomes an organization."""
PACKAGE = "package"
"""In a connection's ``district``: the file that was read last, ``{name, read_at, version, lists, rows}``
(``providers.base.Contents``)."""
NAMES = {"clever": "Clever", "oneroster": "OneRoster", "csv": "OneRoster CSV"}


class ConnectionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage needs to know of a connection."""

    id: int
    kind: str
    settings: dict[str, Any]
    district_id: str = ""
    """The district that was read before; blank until then. Credentials of another one are refused."""
    secrets: str | None
    options: Options
    options_version: int
    places: Places
    mirror_stale: bool
    cursor: str | None = None
    committed_sync_id: int | None
    committed_options: Options | None = None
    """What the last committed sync ran with."""
    package: str = ""
    """Of a CSV connection: the file that this sync reads; blank outside of a sync."""
    held: Held | None = None
    """The mirror, for sources that list only what changed."""

    def why_not_quick(self) -> str:
        """Why changes alone would not do; blank where they do (SPEC 3.4)."""
        if self.committed_options is None:
            return "no sync was committed yet"
        if self.mirror_stale:
            return "the connection or the mapping of schools changed since the last full sync"
        if self.committed_options.api_version != self.options.api_version:
            return f"the API version changed to {self.options.api_version}"
        if not self.options.items <= self.committed_options.items:
            return "more items are synced than the last time"
        return ""


OpenProvider = Callable[[ConnectionFacts], Provider]


def load(connection: Connection, connection_id: int) -> ConnectionFacts:
    """The facts of a connection, its mapped schools included."""
    row = connection.execute(select(SisConnection.__table__).where(SisConnection.id == connection_id)).one()
    return ConnectionFacts(
        id=row.id,
        kind=row.kind,
        settings=row.settings,
        district_id=row.district_id,
        secrets=row.secrets,
        options=stored_options(row.options, row.kind),
        options_version=row.options_version,
        places=places(connection, connection_id),
        mirror_stale=row.mirror_stale,
        cursor=row.cursor,
        committed_sync_id=row.committed_sync_id,
        committed_options=_committed_options(connection, row.committed_sync_id, row.kind),
    )


def _committed_options(connection: Connection, sync_id: int | None, kind: str) -> Options | None:
    if sync_id is None:
        return None
    return stored_options(connection.scalars(select(Sync.options).where(Sync.id == sync_id)).one(), kind)


def stored_options(stored: dict[str, str], kind: str) -> Options:
    """Options as a connection or a sync keeps them."""
    return decode(msgspec.json.encode(stored), kind)


def options_to_store(options: Options) -> dict[str, str]:
    """Options as a connection or a sync keeps them: every name with its text."""
    return msgspec.json.decode(encode(options), type=dict[str, str])


def places(connection: Connection, connection_id: int) -> Places:
    """The mapped schools: ``source_id`` -> organization, None for the one school of a single-school portal."""
    statement = select(SisSchool.source_id, SisSchool.organization_id).where(
        SisSchool.connection_id == connection_id, SisSchool.mapping == Mapping.MAPPED
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def opener(cipher: Cipher) -> OpenProvider:
    """The function that stages open a connection's provider with."""

    def open_provider(facts: ConnectionFacts) -> Provider:
        return _OPENERS[facts.kind](facts, cipher.decrypt(facts.secrets))

    return open_provider


def _open_clever(facts: ConnectionFacts, secrets: dict[str, str]) -> Provider:
    return open_clever(
        base_url=facts.settings["base_url"],
        token=secrets.get("token", ""),
        client_id=facts.settings.get("client_id", ""),
        client_secret=secrets.get("client_secret", ""),
        login_url=facts.settings.get("login_url", ""),
        district_id=facts.settings.get("district_id", "") or facts.district_id,
        version=facts.options.api_version,
    )


def _open_oneroster(facts: ConnectionFacts, secrets: dict[str, str]) -> Provider:
    settings = facts.settings
    # Nobody said which version: whichever answers, until one was found or chosen.
    unsure = settings.get("any_version") and facts.options.api_version == defaults(facts.kind).api_version
    return open_oneroster(
        base_url=settings["base_url"],
        client_id=settings.get("client_id", ""),
        client_secret=secrets.get("client_secret", ""),
        token_url=settings.get("token_url", ""),
        signature=settings.get("signature") or "sha256",
        bearer=secrets.get("bearer", ""),
        version="" if unsure else facts.options.api_version,
        **_days(settings),
    )


def _open_csv(facts: ConnectionFacts, _: dict[str, str]) -> Provider:
    if not facts.package:
        raise ProviderError("There is no file to read. Upload the zip that the SIS made.", code="no-file")
    return open_csv(facts.package, held=facts.held, **_days(facts.settings))


def _days(settings: dict[str, Any]) -> dict[str, Any]:
    """The days of the school year and of the semester, as administrators entered them."""
    return {name: settings.get(name, "") for name in DAYS}


_OPENERS: dict[str, Callable[[ConnectionFacts, dict[str, str]], Provider]] = {
    "clever": _open_clever,
    "oneroster": _open_oneroster,
    "csv": _open_csv,
}


def connect(
    engine: Engine, kind: str, settings: dict[str, Any], secrets: str | None, now: datetime, *, version: str = ""
) -> int:
    """Make the connection of this kind, or change where it reads from; its id. Its options and mapping stay."""
    with writing(engine).begin() as connection:
        return connect_in(connection, kind, settings, secrets, now, version=version)


def connect_in(
    connection: Connection,
    kind: str,
    settings: dict[str, Any],
    secrets: str | None,
    now: datetime,
    *,
    version: str = "",
) -> int:
    """``connect`` as a part of a transaction."""
    row = connection.execute(
        select(SisConnection.id, SisConnection.options, SisConnection.settings).where(SisConnection.kind == kind)
    ).one_or_none()
    options = stored_options(row.options, kind) if row else defaults(kind)
    if version:
        options = msgspec.structs.replace(options, api_version=version)
    values: dict[str, Any] = {
        "settings": settings, "secrets": secrets, "options": options_to_store(options), "updated_at": now, "enabled": True
    }  # fmt: skip
    if row is None:
        return insert_one(connection, SisConnection, values | {"kind": kind, "created_at": now})
    values["options_version"] = SisConnection.options_version + 1
    if _reads(settings) != _reads(row.settings):
        values["mirror_stale"] = True  # another place or another year: changes alone would not tell what differs
    linked = exists().where(AccountLink.connection_id == row.id)
    if not connection.scalar(select(linked)):
        values["district_id"] = ""  # nothing was taken over yet: it may be another district from now on
    connection.execute(update(SisConnection).where(SisConnection.id == row.id).values(values))
    return int(row.id)


def _reads(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that decide what is read."""
    return {name: settings.get(name) or "" for name in ("base_url", *DAYS)}


def change_settings(engine: Engine, connection_id: int, now: datetime, **changed: Any) -> None:
    """Change some of a connection's settings; plans stay as they are."""
    with writing(engine).begin() as connection:
        held = connection.scalars(select(SisConnection.settings).where(SisConnection.id == connection_id)).one()
        values = {"settings": held | changed, "updated_at": now}
        connection.execute(update(SisConnection).where(SisConnection.id == connection_id).values(values))


def change_options(engine: Engine, connection_id: int, changed: Options, now: datetime) -> None:
    """Store options. Older plans are stale from then on; where values would differ, every record is compared again."""
    with writing(engine).begin() as connection:
        store_options(connection, connection_id, changed, now)


def store_options(
    connection: Connection, connection_id: int, changed: Options, now: datetime, *, off_because: str = ""
) -> None:
    """Store options, as ``change_options`` does; ``off_because``: why the portal switches automatic sync off by itself."""
    timetable.lock(connection, connection_id)
    row = connection.execute(
        select(SisConnection.options, SisConnection.kind).where(SisConnection.id == connection_id)
    ).one()
    held = stored_options(row.options, row.kind)
    if held == changed:
        return
    if shape(held) != shape(changed):
        compare_all_again(connection, connection_id)
    if same_plan(held, changed):
        values = {"options": options_to_store(changed), "updated_at": now}
        connection.execute(update(SisConnection).where(SisConnection.id == connection_id).values(values))
    else:
        _touch(connection, connection_id, now, options=options_to_store(changed))
    if held.auto_sync != changed.auto_sync:
        timetable.set_to(connection, connection_id, changed.auto_sync, now, off_because=off_because)
        if changed.auto_sync is None:
            _tell_that_it_is_off(connection, row.kind, off_because, now)


def _tell_that_it_is_off(connection: Connection, kind: str, off_because: str, now: datetime) -> None:
    why = off_because or "Somebody switched it off on the Configure page or by the command line."
    text = f"Automatic sync of {NAMES[kind]} is off. {why} Nothing is read by itself until a time is set again."
    notices.notify(connection, None, NoticeKind.SWITCHED_OFF, text, now, link=f"/admin/sis/{kind}/status")


def settle_version(engine: Engine, connection_id: int, version: str, now: datetime) -> None:
    """Keep to the version of OneRoster that was found."""
    with engine.connect() as connection:
        options = load(connection, connection_id).options
    change_settings(engine, connection_id, now, any_version=False)
    change_options(engine, connection_id, msgspec.structs.replace(options, api_version=version), now)


def option_texts(options: Options, names: list[str]) -> dict[str, str]:
    """The named options as text: for the audit log."""
    return {name: as_text(options, name) for name in names}


def remember_schools(
    connection: Connection, connection_id: int, schools: list[School], now: datetime, *, whole: bool = True
) -> None:
    """Bring the list of schools up to date; what a person mapped stays mapped.

    With the ``whole`` list, schools that are not on it are marked as gone.
    """
    held = {row.source_id: row for row in connection.execute(_schools(connection_id))}
    for school in schools:
        payload = msgspec.json.decode(encoded(school))
        values = {"payload": payload, "name": school.name, "sis_id": school.sis_id, "gone_at": None}
        row = held.pop(school.source_id, None)
        if row is None:
            values |= {"connection_id": connection_id, "source_id": school.source_id}
            connection.execute(insert(SisSchool), [values])
        elif row.payload != payload or row.gone_at is not None:
            connection.execute(update(SisSchool).where(SisSchool.id == row.id).values(values))
    for row in held.values():
        if whole and row.gone_at is None:
            connection.execute(update(SisSchool).where(SisSchool.id == row.id).values(gone_at=now))


def map_school(
    connection: Connection,
    connection_id: int,
    source_id: str,
    mapping: Mapping,
    organization_id: int | None,
    now: datetime,
) -> bool:
    """Map a school (or ignore it); False when the connection lists no such school. Older plans become stale."""
    row = connection.execute(_schools(connection_id).where(SisSchool.source_id == source_id)).one_or_none()
    if row is None:
        return False
    if row.mapping == mapping and row.organization_id == organization_id:
        return True
    values = {"mapping": mapping, "organization_id": organization_id}
    connection.execute(update(SisSchool).where(SisSchool.id == row.id).values(values))
    compare_all_again(connection, connection_id)
    _touch(connection, connection_id, now, mirror_stale=True)
    return True


def compare_all_again(connection: Connection, connection_id: int) -> None:
    """Have every linked record compared by the next plan: an option or the mapping changed what it means."""
    for link in (AccountLink, ClassLink):
        connection.execute(update(link).where(link.connection_id == connection_id).values(written_fingerprint=None))
    for record in (SisPerson, SisSection):
        connection.execute(update(record).where(record.connection_id == connection_id).values(pending=True))


def _touch(connection: Connection, connection_id: int, now: datetime, **values: Any) -> None:
    values |= {"options_version": SisConnection.options_version + 1, "updated_at": now}
    connection.execute(update(SisConnection).where(SisConnection.id == connection_id).values(values))


def _schools(connection_id: int) -> Any:
    return select(SisSchool.__table__).where(SisSchool.connection_id == connection_id).order_by(SisSchool.source_id)
