"""The portal's own settings, as the table keeps them: what the administrator chose, not what it was started with."""

from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Connection, insert, select, update

from sisportal.models import Setting

NAME = "name"
"""What the school calls its portal."""
TIMEZONE = "timezone"
"""The time zone that pages show moments in and that syncs are scheduled by."""
SECOND_FACTOR = "second-factor"
"""Who has to have a second factor (``second_factor.CHOICES``)."""
PARTITION = "partition-organizations"
"""Whether people see only the accounts and classes of their own organization and below (SPEC 2.3)."""

DEFAULTS: dict[str, Any] = {NAME: "SIS Portal", TIMEZONE: "UTC"}
REGIONS = (
    "Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/",
)  # fmt: skip


def time_zones() -> list[str]:
    """The places whose time a school may keep, such as ``Europe/Stockholm``; and ``UTC``."""
    return ["UTC", *sorted(zone for zone in available_timezones() if zone.startswith(REGIONS))]


def time_zone_choices() -> list[tuple[str, str]]:
    """(place, label) of each, for a list to choose from."""
    return [(zone, zone.replace("_", " ").replace("/", " / ")) for zone in time_zones()]


def read_settings(connection: Connection) -> dict[str, Any]:
    """Every setting by its name, those that nobody set with their defaults."""
    return DEFAULTS | {row[0]: row[1] for row in connection.execute(select(Setting.name, Setting.value))}


def read_setting(connection: Connection, name: str, default: Any = None) -> Any:
    """The value of a setting; ``default`` where nobody set it."""
    row = connection.execute(select(Setting.value).where(Setting.name == name)).one_or_none()
    return default if row is None else row.value


def write_setting(connection: Connection, name: str, value: Any) -> None:
    """Set a setting."""
    changed = connection.execute(update(Setting).where(Setting.name == name).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(Setting), [{"name": name, "value": value}])


def change_settings(connection: Connection, values: dict[str, Any]) -> dict[str, Any]:
    """Set these settings; those that have another value than before."""
    stored = read_settings(connection)
    changed = {name: value for name, value in values.items() if stored.get(name) != value}
    for name, value in changed.items():
        write_setting(connection, name, value)
    return changed
