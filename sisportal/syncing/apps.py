"""The apps of the App center: what each is for, which others it needs, and which are installed (SPEC 2.2)."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select, update

from sisportal.models import InstalledApp
from sisportal.roster.text import folded


class App(msgspec.Struct, frozen=True):
    """One card of the App center."""

    name: str
    label: str
    about: str
    needs: tuple[str, ...] = ()


_ALL = (
    App("organizations", "Organizations", "A tree of schools and groups, with people and classes of their own."),
    App(
        "organization-portals",
        "Organization portals",
        "A front page for each organization, with its name, welcome text and colour.",
        ("organizations",),
    ),
    App("sis-integration", "SIS integration", "Accounts and classes from the student information system."),
    App("clever", "Clever SIS", "Reads a district's schools, people and sections from Clever.", ("sis-integration",)),
    App(
        "oneroster",
        "OneRoster",
        "Reads organizations, people and classes from a OneRoster server.",
        ("sis-integration", "organizations", "organization-portals"),
    ),
    App("csv", "OneRoster CSV", "Reads OneRoster files that are uploaded.", ("sis-integration",)),
)
APPS = {app.name: app for app in _ALL}
"""By name, in the order of the cards."""


def find(text: str) -> App | None:
    """The app of this name or title, however it is spelt: ``clever``, ``Clever SIS``, ``clever-sis``."""
    wanted = folded(text.replace("-", " "))
    return next((app for app in _ALL if wanted in {folded(app.label), folded(app.name.replace("-", " "))}), None)


def enabled(connection: Connection) -> set[str]:
    """Names of the apps that are installed and not disabled."""
    return set(connection.scalars(select(InstalledApp.name).where(InstalledApp.enabled)))


def installed(connection: Connection) -> set[str]:
    """Names of the apps that are installed, disabled ones included."""
    return set(connection.scalars(select(InstalledApp.name)))


def is_off(connection: Connection, kind: str) -> bool:
    """Whether the app of a connection of this kind, or one that it needs, is disabled: the connection is not synced."""
    needed = select(InstalledApp.name).where(InstalledApp.name.in_(with_needs(kind)), InstalledApp.enabled.is_(False))
    return connection.scalar(needed.limit(1)) is not None


def needing(name: str) -> list[App]:
    """The other apps that need this one."""
    return [app for app in _ALL if app.name != name and name in with_needs(app.name)]


def with_needs(name: str) -> list[str]:
    """The app and every other that it needs, those that are needed first."""
    names: list[str] = []
    for needed in APPS[name].needs:
        names += [each for each in with_needs(needed) if each not in names]
    return [*names, name]


def install(connection: Connection, name: str, now: datetime) -> list[str]:
    """Install an app and what it needs, or enable them again; names of those that were not enabled before."""
    held = {row.name: row.enabled for row in connection.execute(select(InstalledApp.name, InstalledApp.enabled))}
    added = [each for each in with_needs(name) if not held.get(each)]
    for each in added:
        if each in held:
            connection.execute(update(InstalledApp).where(InstalledApp.name == each).values(enabled=True))
        else:
            connection.execute(insert(InstalledApp), [{"name": each, "enabled": True, "installed_at": now}])
    return added


def disable(connection: Connection, name: str) -> list[str]:
    """Disable an app and those that need it; their names. What they hold stays."""
    leaving = [app.name for app in _ALL if name in with_needs(app.name) and app.name in enabled(connection)]
    if leaving:
        connection.execute(update(InstalledApp).where(InstalledApp.name.in_(leaving)).values(enabled=False))
    return leaving
