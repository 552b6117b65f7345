"""How long somebody may do nothing before they are signed out: by role, as an administrator chose."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from sisportal.models import AccountRole
from sisportal.syncing.settings import read_setting, write_setting

SETTING = "inactivity-minutes"
CHOICES: dict[int, str] = {
    15: "15 minutes", 30: "30 minutes", 60: "1 hour", 120: "2 hours", 240: "4 hours", 480: "8 hours",
    720: "12 hours, which ends every session",
}  # fmt: skip
"""Minutes, as the page offers them; the last is as long as a session lasts anyway."""


class Group(msgspec.Struct, frozen=True):
    """Roles with one limit: its name and label, and the minutes that hold until somebody chooses."""

    name: str
    label: str
    help: str
    minutes: int
    roles: frozenset[AccountRole]


GROUPS = (
    Group(
        "staff",
        "Administrators, organization administrators and viewers",
        "They see everybody's records, and a desk is left now and then.",
        60,
        frozenset({AccountRole.ADMINISTRATOR, AccountRole.ORGANIZATION_ADMINISTRATOR, AccountRole.VIEWER}),
    ),
    Group(
        "teachers",
        "Teachers",
        "The next page of a lesson may be an hour away.",
        720,
        frozenset({AccountRole.TEACHER}),
    ),
    Group(
        "students",
        "Students",
        "A shorter time suits computers that several students use.",
        720,
        frozenset({AccountRole.STUDENT}),
    ),
)
_GROUP_OF = {role: group for group in GROUPS for role in group.roles}


def limit(settings: Mapping[str, Any], role: str) -> timedelta:
    """After how long without doing anything an account of this role is signed out."""
    group = _GROUP_OF[AccountRole(role)]
    return timedelta(minutes=settings.get(SETTING, {}).get(group.name, group.minutes))


def in_words(settings: Mapping[str, Any], role: str) -> str:
    """The limit as pages say it; blank where it is no shorter than a session."""
    number = limit(settings, role) // timedelta(minutes=1)
    return CHOICES.get(number, "") if number < max(CHOICES) else ""


def minutes(connection: Connection) -> dict[str, int]:
    """Group -> minutes."""
    chosen: Mapping[str, int] = read_setting(connection, SETTING, {})
    return {group.name: chosen.get(group.name, group.minutes) for group in GROUPS}


def choose(connection: Connection, chosen: Mapping[str, int]) -> dict[str, int]:
    """Let these limits hold; those that changed. Raises ``ValueError`` for minutes that are not in ``CHOICES``."""
    before = minutes(connection)
    changed = {name: number for name, number in chosen.items() if number != before[name]}
    if not set(changed.values()) <= CHOICES.keys():
        raise ValueError(f"not a choice: {changed}")
    if changed:
        write_setting(connection, SETTING, before | changed)
    return changed
