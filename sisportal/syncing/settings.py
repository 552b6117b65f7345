"""The portal's own settings, as the table keeps them: what the administrator chose, not what it was started with."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from sisportal.models import Setting

PARTITION = "partition-organizations"
"""Whether people see only the accounts and classes of their own organization and below (SPEC 2.3)."""


def read_setting(connection: Connection, name: str, default: Any = None) -> Any:
    """The value of a setting; ``default`` where nobody set it."""
    row = connection.execute(select(Setting.value).where(Setting.name == name)).one_or_none()
    return default if row is None else row.value


def write_setting(connection: Connection, name: str, value: Any) -> None:
    """Set a setting."""
    changed = connection.execute(update(Setting).where(Setting.name == name).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(Setting), [{"name": name, "value": value}])
