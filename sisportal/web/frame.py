"""What stands around every page of whoever is signed in: the navigation, the bell, the person."""

from dataclasses import dataclass

from flask import current_app, request, url_for
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Notification
from sisportal.web.access import LOOKERS, current, reads_everything
from sisportal.web.portal import enabled_apps, portal_name
from sisportal.web.rendering import Bell, NavEntry, Shell

ROLE_NAMES = {
    AccountRole.ADMINISTRATOR: "Administrator",
    AccountRole.VIEWER: "Viewer",
    AccountRole.ORGANIZATION_ADMINISTRATOR: "Organization administrator",
    AccountRole.TEACHER: "Teacher",
    AccountRole.STUDENT: "Student",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the navigation, and the beginnings of the paths that belong to it."""

    label: str
    path: str
    icon: str
    group: str = ""
    also: str = "\0"
    app: str = ""
    """The app that it belongs to: without it the line is not there."""
    for_part: bool = False
    """Whether those who see only a part of the portal have it, too."""

    def holds(self, path: str) -> bool:
        return (
            path == self.path or (self.path != "/" and path.startswith(f"{self.path}/")) or path.startswith(self.also)
        )


EVERYBODYS = (Place("Home", "/", "home"), Place("Notifications", "/notifications", "bell"))
READERS_PLACES = (
    Place("Organizations", "/organizations", "sitemap", app="organizations", for_part=True),
    Place("Accounts", "/accounts", "users", also="/import", for_part=True),
    Place("Classes", "/classes", "book", for_part=True),
    Place("SIS", "/admin/sis", "refresh", "Admin", also="/syncs/", app="sis-integration"),
    Place("App center", "/admin/apps", "apps", "Admin"),
    Place("Mail", "/admin/mail", "mail", "Admin"),
    Place("Login cards", "/admin/login-cards", "printer", "Admin"),
    Place("Audit", "/audit", "clipboard-list", "Admin"),
    Place("Signing in", "/admin/signing-in", "shield", "Admin"),
    Place("Data kept", "/admin/keeping", "hourglass", "Admin"),
    Place("Portal", "/admin/portal", "settings", "Admin"),
)


def shell() -> Shell:
    """The frame of this request's page."""
    account = current()
    return Shell(
        portal_name=portal_name(),
        home_url="/",
        navigation=_navigation(account),
        person_name=person_name(account),
        person_role=ROLE_NAMES[AccountRole(account.role)],
        sign_out_url=url_for("sign_in.sign_out"),
        theme_url=url_for("appearance.choose_theme"),
        bell=bell(),
        person_url=url_for("my_account.my_account"),
    )


def bell() -> Bell:
    """The bell of whoever is signed in."""
    unread = db.session.scalar(
        select(func.count()).where(Notification.account_id == current().id, Notification.read_at.is_(None))
    )
    return Bell(unread or 0, "/notifications", "/notifications/bell")


def person_name(account: Account) -> str:
    """The name of an account in reading order, or its username."""
    return f"{account.preferred_name or account.first_name} {account.last_name}".strip() or account.username


def _readers_places() -> tuple[Place, ...]:
    everything, apps = reads_everything(), enabled_apps()
    return tuple(
        place for place in READERS_PLACES if (everything or place.for_part) and (not place.app or place.app in apps)
    )


def _navigation(account: Account) -> list[NavEntry]:
    places = EVERYBODYS + (_readers_places() if account.role in LOOKERS else ())
    paths = {rule.rule for rule in current_app.url_map.iter_rules()}
    return [
        NavEntry(place.label, place.path, place.icon, place.holds(request.path), place.group)
        for place in places
        if place.path in paths
    ]
