"""What the check of the store finds: each kind of damage, planted into a portal that is sound, is told with what to do."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from sisportal.models import (
    Account,
    AccountLink,
    Action,
    ActionState,
    ClassLink,
    Membership,
    Organization,
    SchoolClass,
    SecondFactor,
    SisConnection,
    SisEnrollment,
    SisPerson,
    SisSection,
    Sync,
    SyncState,
)
from sisportal.models.database import make_engine
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.findings import Finding
from sisportal.syncing.selfcheck import check_store, check_within
from sisportal.syncing.settings import write_setting
from tests.services.databases import DATABASES
from tests.syncing.portal import START, Portal
from tests.syncing.test_killed import a_first_sync

CIPHER = Cipher("made-up")
NOW = START + timedelta(days=1)
Plant = Callable[[Connection], Any]


@pytest.fixture(scope="module", params=DATABASES)
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A portal with organizations, parents and sessions, one committed sync and a plan that waits: on each database."""
    engine = make_engine(_store(request, tmp_path_factory))
    with serve(create_sandbox(generate(60))) as served, stamina.set_testing(True):
        portal = Portal(engine, served)
        portal.connect(organizations=True)
        a_first_sync(portal)
        portal.sync_all()
        portal.pass_day(seed=1, pace=12)
        portal.prepare()
    with engine.begin() as connection:
        connection.execute(update(SisConnection).values(secrets=CIPHER.encrypt({"token": "t"})))
    yield engine
    engine.dispose()


def _store(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        return f"sqlite:///{shutil.copyfile(template, folders.mktemp('sound') / 'portal.sqlite3')}"
    cluster, name = request.getfixturevalue("postgres_cluster"), request.getfixturevalue("postgres_template")
    url: str = cluster.url(cluster.create(template=name))
    return url


def test_a_portal_that_fits_together_has_no_findings(sound: Engine) -> None:
    assert check_store(sound, CIPHER, NOW) == []
    with sound.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SchoolClass).where(SchoolClass.is_parent))


def without_references(connection: Connection) -> None:
    """As a database behaves that was damaged: what refers to nothing is not noticed before the end."""
    is_sqlite = connection.dialect.name == "sqlite"
    connection.execute(
        text("PRAGMA defer_foreign_keys = ON" if is_sqlite else "SET LOCAL session_replication_role = replica")
    )


def change(model: Any, *where: Any, **values: Any) -> Plant:
    return lambda connection: connection.execute(update(model).where(*where).values(**values))


def lose(model: Any, *where: Any) -> Plant:
    return lambda connection: connection.execute(delete(model).where(*where))


def run(statement: str) -> Plant:
    return lambda connection: connection.execute(text(statement))


def in_turn(*plants: Plant) -> Plant:
    return lambda connection: [plant(connection) for plant in plants]


def link_twice(connection: Connection) -> None:
    link = connection.execute(select(AccountLink.__table__).where(AccountLink.account_id == 7)).one()
    other = connection.scalars(
        select(SisPerson.source_id).where(
            ~select(AccountLink.source_id).where(AccountLink.source_id == SisPerson.source_id).exists()
        )
    ).first()
    connection.execute(insert(AccountLink).values(dict(link._mapping) | {"source_id": other}))


def take_username(connection: Connection) -> None:
    connection.execute(text("DROP INDEX uq_account_username"))
    name = connection.scalar(select(Account.username).where(Account.id == 3))
    connection.execute(update(Account).where(Account.id == 4).values(username=str(name).upper()))


def second_primary(connection: Connection) -> None:
    class_id, first = connection.execute(
        select(Membership.class_id, Membership.account_id).where(Membership.position == 0).limit(1)
    ).one()
    teacher = select(Account.id).where(Account.role == "teacher", Account.id != first).limit(1).scalar_subquery()
    connection.execute(delete(Membership).where(Membership.class_id == class_id, Membership.account_id == teacher))
    connection.execute(insert(Membership).values(class_id=class_id, account_id=teacher, position=0))


def people_in_a_parent(connection: Connection) -> None:
    parent = connection.scalar(select(func.min(SchoolClass.id)).where(SchoolClass.is_parent))
    connection.execute(insert(Membership).values(class_id=parent, account_id=1, position=Membership.STUDENT))


COMMITTED = Sync.state == SyncState.COMMITTED
PREPARED = Sync.state == SyncState.PREPARED
A_PARENT = select(func.min(SchoolClass.id)).where(SchoolClass.is_parent).scalar_subquery()
A_SESSION = select(func.min(SchoolClass.id)).where(SchoolClass.parent_id.is_not(None)).scalar_subquery()
A_LONE_CLASS = (
    select(func.min(SchoolClass.id))
    .join(ClassLink, ClassLink.class_id == SchoolClass.id)
    .join(SisSection, SisSection.fingerprint == ClassLink.written_fingerprint)
    .where(SchoolClass.parent_id.is_(None), SchoolClass.is_parent.is_(False), SchoolClass.archived_at.is_(None))
    .scalar_subquery()
)
AN_APPLIED = select(func.min(Action.id)).where(Action.state == ActionState.APPLIED).scalar_subquery()
ABOUT_A_SECTION = (
    select(func.min(Action.id)).where(Action.state == ActionState.APPLIED, Action.type == "section").scalar_subquery()
)
A_STUDENT = (
    select(func.min(Account.id))
    .join(AccountLink, AccountLink.account_id == Account.id)
    .join(SisPerson, SisPerson.fingerprint == AccountLink.written_fingerprint)
    .where(Account.archived_at.is_(None), Account.role == "student")
    .scalar_subquery()
)


DAMAGES: dict[str, tuple[Plant, str]] = {
    "a time zone that is none": (
        lambda c: write_setting(c, "timezone", "Mars/Olympus"), "The portal's time zone, 'Mars/Olympus', is none that is known.",
    ),
    "a rule of second factors that is none": (
        lambda c: write_setting(c, "second-factor", "everyone"), "Who has to have a second factor is not one of the choices ('everyone').",
    ),
    "options that cannot be": (
        change(SisConnection, SisConnection.id == 1, options={"match_students": "horoscope"}), "The options of clever cannot be read: ",
    ),
    "options of a plan that are none": (change(Sync, PREPARED, options=["adds"]), "The options of sync 2 cannot be read: "),
    "nobody who administers": (
        change(Account, Account.id == 5, role="administrator", archived_at=NOW), "1 administrators are archived, and none is active (5).",
    ),
    "a place of nobody": (
        lambda c: c.execute(insert(Membership).values(class_id=1, account_id=99_999, position=Membership.STUDENT)),
        "1 rows of membership refer to rows of account that are not there.",
    ),
    "a roster without its class": (lose(SchoolClass, SchoolClass.id == A_SESSION), "rows of membership refer to rows of class that are not there."),
    "a link to an account that is gone": (lose(Account, Account.id == 5), "rows of account_link refer to rows of account that are not there."),
    "a commit of a sync that is gone": (change(Account, Account.id == 5, changed_by_sync=777), "1 rows of account refer to rows of sync that are not there."),
    "a person of the index who is gone": (
        lambda c: c.execute(insert(SisEnrollment).values(person_id=99_999, section_id=1)),
        "1 rows of sis_enrollment refer to rows of sis_person that are not there.",
    ),
    "a table that is gone": (run("DROP TABLE password_link"), "The table password_link is not there."),
    "a column that is gone": (run("ALTER TABLE notification DROP COLUMN read_at"), "1 columns of the table notification are not there (read_at)."),
    "an index that is gone": (run("DROP INDEX ix_account_changed"), "1 indexes of the table account are not there (ix_account_changed)."),
    "a state that is none": (change(Sync, PREPARED, state="half-baked"), "1 rows of sync have a state that nobody knows (2)."),
    "a role that is none": (change(Account, Account.id == 5, role="wizard"), "1 rows of account have a role that nobody knows (5)."),
    "text where JSON is kept": (
        run("UPDATE account SET organizations = '[1' WHERE id = 5"),
        "1 rows of account have values of organizations that cannot be read (5).",
    ),
    "credentials of another key": (
        change(SisConnection, secrets=Cipher("another").encrypt({"token": "t"})),
        "clever: The stored credentials cannot be read with this SECRET_KEY. Enter them again.",
    ),
    "a second factor of another key": (
        lambda connection: connection.execute(
            insert(SecondFactor).values(
                account_id=5, secret=Cipher("another").encrypt({"totp": "t"}), last_step=0, salt="", set_up_at=NOW
            )
        ),
        ": the second factor was stored with another SECRET_KEY, so that no code of the telephone fits",
    ),
    "an organization under itself": (
        in_turn(change(Organization, Organization.id == 1, parent_id=2), change(Organization, Organization.id == 2, parent_id=1)),
        "Organization 1 stands under itself.",
    ),
    "a session of what is no parent": (
        change(SchoolClass, SchoolClass.id == A_SESSION, parent_id=A_LONE_CLASS),
        "1 classes are sessions of a class that is no parent",
    ),
    "a session under an archived parent": (
        change(SchoolClass, SchoolClass.id == A_PARENT, archived_at=NOW),
        "classes are active under an archived parent",
    ),
    "a parent under a parent": (change(SchoolClass, SchoolClass.id == A_PARENT, parent_id=A_LONE_CLASS), "1 parent classes stand under another class"),
    "a parent without sessions": (
        change(SchoolClass, SchoolClass.parent_id == A_PARENT, parent_id=None),
        "1 parent classes are active without an active session",
    ),
    "a parent with people": (people_in_a_parent, "1 parent classes have people of their own"),
    "a parent that is a section": (
        change(ClassLink, ClassLink.class_id == A_LONE_CLASS, class_id=A_PARENT),
        "1 parent classes are linked to a section of the SIS",
    ),
    "two primary teachers": (second_primary, "1 classes have more than one primary teacher"),
    "a place that is none": (
        change(Membership, Membership.class_id == 1, Membership.position == Membership.STUDENT, position=2_000),
        "1 classes have people in places that are none (1).",
    ),
    "a place that is lost": (
        lose(Membership, Membership.class_id == A_LONE_CLASS, Membership.position == Membership.STUDENT),
        "1 classes have lost people whom a sync put there",
    ),
    "a place that no sync ended so": (
        change(Membership, Membership.class_id == A_LONE_CLASS, ended_by_sync=1),
        "1 classes have lost people whom a sync put there",
    ),
    "one username twice": (take_username, "1 usernames belong to more than one account"),
    "an account without a username": (change(Account, Account.id == 4, username=""), "1 accounts have no username (4)."),
    "an account of an organization that it does not list": (
        change(Account, Account.id == 4, organizations=[]),
        "1 accounts do not list their own organization, or list one that is not there (4).",
    ),
    "an active account that a sync archived": (
        change(Account, Account.id == 4, archived_by_sync=1),
        "1 accounts are active although a sync is said to have archived them (4).",
    ),
    "an account that nobody finds": (change(Account, Account.id == 4, search="somebody else"), "1 accounts are sorted and searched for by another name than they have (4)."),
    "a class that nobody finds": (change(SchoolClass, SchoolClass.id == 4, search=""), "1 classes are sorted and searched for by another name than they have (4)."),
    "one account, two ids": (link_twice, "1 accounts are linked to more than one id of the same connection (7)."),
    "a link to an id that never was": (
        change(AccountLink, AccountLink.account_id == 7, source_id="nobody"),
        "1 accounts are linked to an id that the SIS never listed (7).",
    ),
    "a link to an account that is archived for ever": (
        in_turn(
            change(SisPerson, pending=False),
            change(Account, Account.id == A_STUDENT, archived_at=NOW, archived_by_sync=1),
        ),
        "1 accounts are archived although the SIS lists them, and no quick sync would see it",
    ),
    "an account changed behind the portal's back": (
        change(Account, Account.id == A_STUDENT, grade="99"),
        "1 accounts hold other values than were written to them, and nobody edited them",
    ),
    "a class changed behind the portal's back": (
        change(SchoolClass, SchoolClass.id == A_LONE_CLASS, code="99"),
        "1 classes hold other values than were written to them, and nobody edited them",
    ),
    "a person whose fingerprint disagrees": (
        change(SisPerson, SisPerson.id == 1, fingerprint=1),
        "1 people of the SIS side are not what their fingerprint says (1).",
    ),
    "a section whose fingerprint disagrees": (
        change(SisSection, SisSection.id == 1, fingerprint=1),
        "1 sections of the SIS side are not what their fingerprint says (1).",
    ),
    "a last commit that was none": (
        change(SisConnection, committed_sync_id=select(Sync.id).where(PREPARED).scalar_subquery()),
        "1 connections name a last commit that was none of theirs (clever).",
    ),
    "counts that disagree": (
        change(Sync, COMMITTED, counts={"student": {"add": {"planned": 2}}}),
        "1 syncs count other numbers of actions than they have (1).",
    ),
    "an action applied to nothing": (change(Action, Action.id == AN_APPLIED, target_id=None), "1 actions were applied to no record"),
    "an action applied to a class that is gone": (
        change(Action, Action.id == ABOUT_A_SECTION, target_id=99_999),
        "1 actions were applied to classes that are not there",
    ),
    "a committed sync that still waits": (change(Sync, PREPARED, state=SyncState.COMMITTED), "1 syncs are committed although actions of theirs still wait (2)."),
    "a plan that was applied": (change(Sync, COMMITTED, state=SyncState.PREPARED), "1 syncs are not committed although actions of theirs were applied (1)."),
    "a prepare that nobody runs": (change(Sync, PREPARED, state=SyncState.PREPARING), "1 syncs are being prepared by nobody (2)."),
    "two stages at once": (
        change(Sync, state=SyncState.COMMITTING, claim="somebody", heartbeat_at=NOW),
        "2 syncs of one connection run at the same time (1, 2).",
    ),
    "a claim of nobody": (change(Sync, PREPARED, claim="somebody"), "1 syncs are held by a program although nothing of theirs runs (2)."),
    "a commit that died": (
        change(Sync, PREPARED, state=SyncState.COMMITTING, claim="dead", heartbeat_at=START),
        "The commit of sync 2 stopped half-way.",
    ),
}  # fmt: skip


def found_after(engine: Engine, plant: Plant) -> list[Finding]:
    """What is found once something was planted; the portal is sound again in the end."""
    with engine.connect() as connection:
        without_references(connection)
        plant(connection)
        findings = check_within(connection, CIPHER, NOW)
        connection.rollback()
        return findings


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_kind_of_damage_is_found_and_told_with_what_to_do(sound: Engine, damage: str) -> None:
    plant, sentence = DAMAGES[damage]

    findings = found_after(sound, plant)

    assert [finding for finding in findings if sentence in finding.what], findings
    assert all(finding.advice.endswith((".", "--full", " 2")) for finding in findings)
    assert len(findings) <= 4, "one damage is not told as many"


def test_a_damaged_file_is_told_before_anything_else(sqlite_store_url: str) -> None:
    path = Path(sqlite_store_url.removeprefix("sqlite:///"))
    engine = make_engine(sqlite_store_url)
    with engine.connect() as connection:
        root = connection.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = 'ix_action_held'"))
    engine.dispose()
    data = bytearray(path.read_bytes())
    data[(root - 1) * 4096 : (root - 1) * 4096 + 100] = bytes(100)
    path.write_bytes(data)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    engine = make_engine(sqlite_store_url)

    findings = check_store(engine, CIPHER, NOW)

    engine.dispose()
    assert findings[0].what.startswith("The database file is damaged")
    assert findings[0].advice == "Stop the portal, keep a copy of its data folder, and restore the last good backup."
