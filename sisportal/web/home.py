"""The first page after signing in: how each connection stands, and what waits for a person."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import AccountRole, Notification, Organization, SisConnection, Sync, SyncState
from sisportal.syncing.connections import NAMES
from sisportal.syncing.review import OPEN
from sisportal.syncing.running import Standing, standing
from sisportal.syncing.sample_district import is_sample
from sisportal.syncing.words import planned_sentence
from sisportal.web.access import Rule, access, current, reads_everything
from sisportal.web.connection_words import Step, first_step, with_scope
from sisportal.web.frame import person_name
from sisportal.web.own_classes import When, by_period, own_classes
from sisportal.web.portal import enabled_apps, now
from sisportal.web.rendering import render_tab
from sisportal.web.schedule_words import alarms_of, schedules
from sisportal.web.scope import own_organizations
from sisportal.web.sync_words import NOTES
from sisportal.web.undo_words import undos_of

blueprint = Blueprint("home", __name__)

NEWEST = 5
WAYS = {"clever": "Connect Clever", "oneroster": "Connect OneRoster", "csv": "Upload OneRoster CSV"}
"""What a portal may begin with, beside the sample district (SPEC 2.1): app -> what the link says."""
IN_CLASSES = frozenset({AccountRole.TEACHER, AccountRole.STUDENT})
GROUPS = {When.NOW: "My classes today", When.LATER: "Later", When.EARLIER: "Earlier"}
TONES = {
    SyncState.PREPARED: "warning",
    SyncState.PARTLY_COMMITTED: "warning",
    SyncState.FAILED: "danger",
    SyncState.INTERRUPTED: "danger",
}
STOPPED = {SyncState.INTERRUPTED: "The last sync stopped half-way. Nothing was lost: start it again."}


@dataclass(frozen=True, slots=True)
class Card:
    """A connection as the home page shows it."""

    name: str
    url: str
    enabled: bool
    is_sample: bool
    district: str
    sync: Sync | None
    """Its newest one."""
    standing: Standing | None
    tone: str
    """Of the sentence: ``warning`` where something waits for a person."""
    sentence: str
    moment: datetime | None
    alarms: list[str]
    """What is silent where something should happen."""
    step: Step | None
    """What comes next with one that has no sync yet."""

    @property
    def held(self) -> int:
        """How many actions of the newest sync wait for somebody to decide."""
        if self.sync is None or self.standing is None or self.standing.state not in OPEN:
            return 0
        return sum(each["count"] for each in self.sync.held)

    @property
    def report_url(self) -> str:
        """The newest sync's report; blank where there is none."""
        return f"/syncs/{self.sync.id}" if self.sync else ""


@blueprint.get("/")
@access(Rule.SIGNED_IN)
def home() -> Response:
    if current().role in IN_CLASSES:
        return _of_classes()
    if not reads_everything():
        return _of_organizations()
    return render_tab("home/home.html", cards=_cards(), ways=list(WAYS.items()), newest=_newest(), syncs=_last_syncs())


def _of_organizations() -> Response:
    """Of those who see only a part of the portal: where that part begins."""
    mine = select(Organization).where(Organization.id.in_(own_organizations())).order_by(Organization.name)
    shown = "organizations" in enabled_apps()
    return render_tab("home/organizations.html", organizations=list(db.session.scalars(mine)), leads=shown)


def _of_classes() -> Response:
    """Of teachers and students: their classes now, and those that begin later or are over."""
    account = current()
    classes = own_classes(account.id)
    school = db.session.get(Organization, account.organization_id) if account.organization_id else None
    teaches = any(each.teaches for each in classes)
    listed = classes if teaches else by_period(classes)
    groups = [(title, [each for each in listed if each.when is when]) for when, title in GROUPS.items()]
    return render_tab(
        "home/classes.html",
        name=person_name(account),
        welcome=school.welcome if school else "",
        school=school.name if school else "",
        groups=[(title, found) for title, found in groups if found or title == GROUPS[When.NOW]],
        teaches=teaches,
        total=len(classes),
        front=f"/o/{school.slug}" if school and "organization-portals" in enabled_apps() else "",
    )


def _cards() -> list[Card]:
    newest = select(func.max(Sync.id)).group_by(Sync.connection_id).scalar_subquery()
    statement = (
        select(SisConnection, Sync)
        .outerjoin(Sync, (Sync.connection_id == SisConnection.id) & Sync.id.in_(newest))
        .where(SisConnection.kind.in_(sorted(enabled_apps())))
        .order_by(SisConnection.id)
    )
    if "sis-integration" not in enabled_apps():
        return []
    found = list(db.session.execute(statement))
    own = schedules([connection.id for connection, _ in found])
    scoped = with_scope() if found else frozenset()
    return [
        _card(connection, sync, alarms_of(*own[connection.id]), has_scope=connection.id in scoped)
        for connection, sync in found
    ]


def _card(connection: SisConnection, sync: Sync | None, alarms: list[str], *, has_scope: bool) -> Card:
    how = standing(sync, now()) if sync else None
    step = first_step(connection, has_scope=has_scope) if sync is None else None
    tone, sentence = ("info", step.sentence) if step else _sentence(sync, how)
    return Card(
        name=NAMES[connection.kind],
        url=f"/admin/sis/{connection.kind}/status",
        enabled=connection.enabled,
        is_sample=is_sample(connection.settings),
        district=str(connection.district.get("name", "")),
        sync=sync,
        standing=how,
        tone=tone,
        sentence=sentence,
        moment=sync.finished_at or sync.prepared_at or sync.created_at if sync else None,
        alarms=alarms if connection.enabled else [],
        step=step,
    )


def _sentence(sync: Sync | None, how: Standing | None) -> tuple[str, str]:
    """(tone, sentence): what a person should know or do."""
    if sync is None or how is None:
        return "", ""
    if how.silent:
        return "danger", "The commit stopped half-way. It goes on by itself within a minute, or when you continue it."
    if how.busy:
        return "info", how.words or "A sync runs"
    note = f"{planned_sentence(sync.counts)} {sync.note}".rstrip() if how.state is SyncState.PREPARED else sync.note
    return TONES.get(how.state, ""), note or STOPPED.get(how.state, "")


def _last_syncs() -> list[tuple[str, Sync, str, str]]:
    """(connection, sync, its state, a note) of the newest syncs of all connections."""
    if "sis-integration" not in enabled_apps():
        return []
    statement = (
        select(SisConnection.kind, Sync)
        .join(Sync, Sync.connection_id == SisConnection.id)
        .where(SisConnection.kind.in_(sorted(enabled_apps())))
        .order_by(Sync.id.desc())
        .limit(NEWEST)
    )
    found = [(NAMES[kind], sync, standing(sync, now()).state) for kind, sync in db.session.execute(statement)]
    undos = undos_of({sync.connection_id for _, sync, _ in found})
    undone = {sync_id for sync_id, each in undos.items() if each.stands}
    return [
        (name, sync, "undone" if sync.id in undone else state, "" if sync.id in undone else NOTES[state])
        for name, sync, state in found
    ]


def _newest() -> list[Notification]:
    statement = select(Notification).where(Notification.account_id == current().id, Notification.read_at.is_(None))
    return list(db.session.scalars(statement.order_by(Notification.id.desc()).limit(NEWEST)))
