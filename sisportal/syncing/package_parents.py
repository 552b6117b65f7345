"""Parent classes that a package of another portal names: each is a course of it, and its sessions are given of that course.

No option says which classes these are (``Section.session``), so they have a session key of their own kind: the connection
and the course. The sessions that a later package has of the course come under the same parent.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Text, select, tuple_, type_coerce

from sisportal.models import ClassStyle, Source
from sisportal.roster.fields import CLASS_TEXTS, Values
from sisportal.roster.records import Collection, Course
from sisportal.syncing.held import CLASSES, class_search
from sisportal.syncing.mirror import REFERENCES
from sisportal.syncing.rows import Row, insert_rows

_HEAD = "package"
_PART = "|"
_TEXTS = tuple(sorted(CLASS_TEXTS))
_decode = msgspec.json.Decoder(Course).decode
_INSERT = (
    "id", *_TEXTS, "style", "organization_id", "session_key", "search", "source", "is_parent", "changed_by_sync",
    "created_at", "archived_at", "archived_by_sync",
)  # fmt: skip


def stated_key(connection_id: int, course: str) -> str:
    """The session key of a class that stands under the parent that a course is."""
    return _PART.join((_HEAD, str(connection_id), course))


def is_stated(key: str) -> bool:
    """Whether a session key is one of these."""
    return key.startswith(_HEAD + _PART)


def make_parents(
    connection: Connection, wanted: dict[int, str], organizations: dict[str, int | None], sync_id: int, now: datetime
) -> None:
    """Make the parents of these keys, by the ids that they are to have, as the packages have them.

    ``organizations``: those of their sessions, by key. A parent is of the organization of its sessions.
    """
    rows: list[Row] = []
    found = _read(connection, wanted.values())
    for id_, key in wanted.items():
        values = found[key]
        texts = {name: values.get(name, "") for name in _TEXTS}
        is_archived = "archived" in values
        rows.append(
            (
                id_, *texts.values(), values.get("style") or str(ClassStyle.INSTRUCTOR), organizations[key], key,
                class_search(texts), str(Source.HAND if "by_hand" in values else Source.SYNC), True, sync_id, now,
                now if is_archived else None, sync_id if is_archived else None,
            )
        )  # fmt: skip
    insert_rows(connection, CLASSES, _INSERT, rows)


def _read(connection: Connection, keys: Iterable[str]) -> dict[str, Values]:
    """The fields of the parents of these keys, as their courses have them that were read last."""
    wanted = {key: _course(key) for key in keys}
    statement = select(
        REFERENCES.c.connection_id, REFERENCES.c.source_id, type_coerce(REFERENCES.c.payload, Text)
    ).where(
        REFERENCES.c.collection == Collection.COURSES,
        tuple_(REFERENCES.c.connection_id, REFERENCES.c.source_id).in_(list(wanted.values())),
    )
    payloads = {(row[0], row[1]): row[2] for row in connection.execute(statement)} if wanted else {}
    return {key: _fields(payloads.get(course), course[1]) for key, course in wanted.items()}


def _course(key: str) -> tuple[int, str]:
    """The connection and the course of a key."""
    _, connection_id, course = key.split(_PART, 2)
    return int(connection_id), course


def _fields(payload: str | None, course_id: str) -> Values:
    course = _decode(payload) if payload else Course(course_id)
    return {"name": course.name, "code": course.number, "subject": course.subject} | (course.parent or {})
