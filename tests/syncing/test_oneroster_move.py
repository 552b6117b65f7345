"""Moving to another portal: a package with what is archived, read by an empty portal, leaves nothing out."""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from sqlalchemy import Engine

from sisportal.models import (
    Account,
    AccountLink,
    AccountRole,
    ClassLink,
    Mail,
    Membership,
    Organization,
    SchoolClass,
    SyncState,
    SyncWarning,
)
from sisportal.models.database import make_engine, writing
from sisportal.providers import oneroster_own as own
from sisportal.sandbox import edits
from sisportal.sandbox.serving import Served
from sisportal.syncing import classes as by_hand
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.directory_export import accounts, classes, organizations
from sisportal.syncing.elsewhere import listing_people, listing_sections
from sisportal.syncing.explained import around, why
from sisportal.syncing.oneroster_export import export_oneroster
from sisportal.syncing.selfcheck import check_store
from tests.syncing.oneroster import CsvPortal
from tests.syncing.portal import WHO, Portal

CIPHER = Cipher("a key of these tests")

LEFT_OUT = {
    "id": "each portal numbers its own records; references are compared by what they lead to",
    "identifiers": "they are the ids of a connection's source, and each portal has connections of its own",
}
"""What is not compared, and why. Nothing else is left out of students, teachers, classes and organizations."""
OF_THE_PORTAL = {AccountRole.ADMINISTRATOR, AccountRole.VIEWER, AccountRole.ORGANIZATION_ADMINISTRATOR}
"""Accounts with these roles stay behind: they are how a portal is run, and no sync makes or changes them (SPEC 6.4)."""


def everything(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """The JSON export of a portal but for ``LEFT_OUT``: references by name, username, or name and organization."""
    with engine.connect() as connection:
        groups = {row["id"]: row for row in organizations(connection)}
        people = {row["id"]: row for row in accounts(connection) if row["role"] not in OF_THE_PORTAL}
        rooms = {row["id"]: row for row in classes(connection)}
    whose: dict[Any, Any] = {id_: row["name"] for id_, row in groups.items()} | {None: None}
    parents: dict[Any, Any] = {
        id_: (row["name"], row["code"], whose[row["organization"]]) for id_, row in rooms.items()
    }
    for row in (*people.values(), *rooms.values()):
        row["organization"] = whose[row["organization"]]
    for row in people.values():
        row["organizations"] = sorted(whose[id_] for id_ in row["organizations"])
    for row in rooms.values():
        row["teachers"] = [people[id_]["username"] for id_ in row["teachers"]]
        row["students"] = sorted(people[id_]["username"] for id_ in row["students"])
        row["parent"] = row["parent"] and parents[row["parent"]]
    for row in groups.values():
        row["parent"] = whose[row["parent"]]
    return {
        name: sorted(({field: row[field] for field in row if field not in LEFT_OUT} for row in rows.values()), key=str)
        for name, rows in {"organizations": groups, "accounts": people, "classes": rooms}.items()
    }


@pytest.fixture
def first(sqlite_template: Path, sandbox: Served, tmp_path: Path) -> Iterator[Portal]:
    """A portal with much of what a portal can hold."""
    shutil.copyfile(sqlite_template, tmp_path / "first.sqlite3")
    engine = make_engine(f"sqlite:///{tmp_path / 'first.sqlite3'}")
    portal = Portal(engine, sandbox)
    portal.connect(organizations=True)
    taught = [each for each in sandbox.sandbox.district.sections if each.course and each.teachers]
    for section in (taught[0], taught[0], taught[1]):
        edits.add_section(sandbox.sandbox.district, section, section.students[:2])
    portal.sync_all()
    _people_by_hand(portal)
    _classes_by_hand(portal)
    _leavers(portal)
    yield portal
    engine.dispose()


def _people_by_hand(portal: Portal) -> None:
    old = portal._insert(Organization, {"name": "Old Annexe", "slug": "old", "sis_id": "S-9", "created_at": portal.now, "archived_at": portal.now, "parent_id": 1})  # fmt: skip
    student = portal.rows(Account, Account.role == "student", Account.student_id != "")[0]
    portal.add_account(
        "student", "came-back", first_name=student.first_name, last_name=student.last_name, student_id=student.student_id,
        archived_at=portal.now, organization_id=old, organizations=[1, old],
    )  # fmt: skip
    portal.add_account(
        "teacher", "Ana.Ünal", first_name="Ana", last_name="Ünal", preferred_name="Änni", grade="9", student_id="S 77",
        graduation_year="2031", gender="X", sis_id="a{b}", state_id="TX:1, 2", roles=["teacher", "staff", "contact"],
        organization_id=old, organizations=[old],
    )  # fmt: skip
    portal.add_account(
        "student", "nowhere", first_name="No", last_name="Where", grade="9, 10", teacher_id="T-1", gender="nonbinary"
    )
    portal.add_account(AccountRole.VIEWER, "principal")
    for teacher in portal.rows(Account, Account.role == "teacher", Account.email == ""):
        portal.edit_account(teacher.id, email=f"{teacher.username}@example.org")


def _classes_by_hand(portal: Portal) -> None:
    now = portal.now
    portal.add_class("Blended", style="blended", subject="Math, Advanced", grade="9, 10", period="1,2", term="Fall", start="2026-09-01", finish="2027-01-31")  # fmt: skip
    portal.add_class("Own pace", style="self-paced", start="2026-09-01", code="OP", sis_id="own-1", organization_id=1)
    lone = portal.add_class("No dates", style="instructor", organization_id=1)
    put_away = portal.add_class("Put away", style="blended", archived_at=now, organization_id=2)
    for id_, position in ((1, Membership.STUDENT), (2, Membership.STUDENT)):
        portal.put_into_class(put_away, id_, position)
    sessions = portal.rows(SchoolClass, SchoolClass.parent_id.is_not(None))
    assert len(sessions) == 5
    session = sessions[0].id
    with writing(portal.engine).begin() as connection:
        by_hand.detach(connection, session, WHO, now)
        parent = by_hand.make_parent(connection, lone, WHO, now)
        values = {"name": "No dates, second", "code": "ND2", "style": "self-paced", "organization": 1}
        by_hand.make(connection, values, WHO, now, parent_id=parent)
        by_hand.change(connection, parent, {"name": "All without dates", "style": "blended", "term": "Any"}, WHO, now)
        last = by_hand.make(connection, {"name": "Alone in it", "organization": 2}, WHO, now)
        by_hand.make_parent(connection, last, WHO, now)
        by_hand.archive(connection, last, WHO, now)


def _leavers(portal: Portal) -> None:
    district = portal.served.sandbox.district
    for person in [next(p for p in district.people if p.student), next(p for p in district.people if p.teacher)]:
        edits.leave(district, person.id)
    portal.sync_all()


@pytest.fixture
def empty(sqlite_template: Path, sandbox: Served, tmp_path: Path) -> Iterator[CsvPortal]:
    """A portal that knows nothing yet and reads packages."""
    shutil.copyfile(sqlite_template, tmp_path / "empty.sqlite3")
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    portal = CsvPortal(engine, sandbox, tmp_path)
    portal.connect()
    yield portal
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, sandbox: Served, tmp_path: Path) -> Iterator[CsvPortal]:
    """As ``empty``, on each database."""
    engine = make_engine(request.getfixturevalue(f"{request.param}_store_url"))
    portal = CsvPortal(engine, sandbox, tmp_path)
    portal.connect()
    yield portal
    engine.dispose()


def package(portal: Portal, folder: Path, *, archived: bool = True) -> str:
    path = folder / "moving.zip"
    with portal.engine.connect() as connection:
        path.write_bytes(b"".join(export_oneroster(connection, "Lincoln Unified", archived=archived)))
    return str(path)


def move(portal: Portal, to: CsvPortal, folder: Path) -> int:
    return to.commit_everything(to.prepare_with(file=package(portal, folder)))


def test_an_empty_portal_that_reads_the_package_becomes_equal_and_agrees_with_it_then(
    first: Portal, either: CsvPortal, tmp_path: Path
) -> None:
    sync_id = move(first, either, tmp_path)

    expected, got = everything(first.engine), everything(either.engine)
    assert got["organizations"] == expected["organizations"]
    assert got["accounts"] == expected["accounts"]
    assert got["classes"] == expected["classes"]
    for name in expected:
        assert any(row["archived"] for row in expected[name]), f"some of the {name} are archived"
    assert {row["style"] for row in expected["classes"] if row["parent"]} == {"instructor", "self-paced"}
    assert not {row.code for row in either.rows(SyncWarning, SyncWarning.sync_id == sync_id)} & {
        "refused-row", "unknown-person-in-section", "unknown-term", "unknown-course", "unknown-column", "wrong-type",
    }  # fmt: skip
    assert either.actions(either.prepare_with(file=package(first, tmp_path))) == {}
    assert check_store(either.engine, CIPHER, either.now) == []
    assert [each.what for each in check_store(first.engine, CIPHER, first.now) if "refer to" in each.what] == []


@pytest.mark.parametrize("revived", [False, True])
def test_a_parent_without_sessions_comes_as_a_class_of_its_own(
    small: Portal, empty: CsvPortal, tmp_path: Path, *, revived: bool
) -> None:
    with writing(small.engine).begin() as connection:
        session = by_hand.make(connection, {"name": "Left"}, WHO, small.now)
        parent = by_hand.make_parent(connection, session, WHO, small.now)
        by_hand.change(connection, parent, {"name": "Emptied", "style": "blended", "term": "Fall"}, WHO, small.now)
        by_hand.detach(connection, session, WHO, small.now)
        if revived:
            by_hand.reactivate(connection, parent, WHO, small.now)

    move(small, empty, tmp_path)

    assert everything(empty.engine) == everything(small.engine)
    assert states(empty)["Emptied"] is not revived
    assert empty.actions(empty.prepare_with(file=package(small, tmp_path))) == {}


def test_the_portal_that_wrote_the_package_plans_nothing_but_links_for_it(
    first: Portal, sandbox: Served, tmp_path: Path
) -> None:
    before = everything(first.engine)
    reader = CsvPortal(first.engine, sandbox, tmp_path)
    reader.now = first.now
    reader.connect()

    sync_id = reader.prepare_with(file=package(first, tmp_path))

    found = reader.actions(sync_id)
    links = [action for action in found.values() if action.target_id is not None]
    assert {(action.verb, action.held) for action in links} == {("edit", "")}
    assert {field for action in links for field in action.after} == {"identifiers", "teachers"}, "and who teaches it"
    assert {(type_, verb) for type_, verb, _ in found} >= {
        ("student", "edit"),
        ("teacher", "edit"),
        ("section", "edit"),
    }
    # Without a key, or with one that two share, nobody is taken for somebody: these wait for a person, or are new.
    others = {key: action.after for key, action in found.items() if action.target_id is None}
    keys = {"student": "student_id", "teacher": "email", "section": "name"}
    with_key = {values["first_name"] for (type_, _, _), values in others.items() if values.get(keys[type_])}
    assert with_key == {"Amina"}, "one student ID, twice"
    reader.untick(sync_id, *(source_id for _, _, source_id in others))
    assert reader.commit(sync_id) in {SyncState.COMMITTED, SyncState.PARTLY_COMMITTED}
    assert everything(first.engine) == before


# --- a small portal, from package to package


@pytest.fixture
def small(sqlite_template: Path, sandbox: Served, tmp_path: Path) -> Iterator[Portal]:
    """A portal with two students, a teacher and two classes; of each kind one archived."""
    shutil.copyfile(sqlite_template, tmp_path / "small.sqlite3")
    engine = make_engine(f"sqlite:///{tmp_path / 'small.sqlite3'}")
    portal = Portal(engine, sandbox)
    gone = {"archived_at": portal.now}
    portal.add_account("student", "ada", first_name="Ada", last_name="Ames", student_id="1", email="ada@example.org")
    portal.add_account(
        "student", "bo", first_name="Bo", last_name="Berg", student_id="2", email="bo@example.org", **gone
    )
    portal.add_account("teacher", "cy", first_name="Cy", last_name="Cole", email="cy@example.org")
    for name, how in (("Here", {}), ("Gone", gone)):
        id_ = portal.add_class(name, style="blended", **how)
        portal.put_into_class(id_, 3, 0)
        portal.put_into_class(id_, 1)
    yield portal
    engine.dispose()


def archive(portal: Portal, model: Any, id_: int, *, at: Any = True) -> None:
    portal._change(model, model.id == id_, archived_at=portal.now if at else None)


def brief(portal: CsvPortal, sync_id: int) -> set[tuple[str, str]]:
    """What a plan does with whom."""
    return {(verb, action.label.partition(",")[0]) for (_, verb, _), action in portal.actions(sync_id).items()}


def states(portal: Portal) -> dict[str, bool]:
    """Name -> whether it is archived."""
    rows = {row.last_name: row for row in portal.rows(Account)} | {row.name: row for row in portal.rows(SchoolClass)}
    return {name: row.archived_at is not None for name, row in rows.items()}


def reasons(portal: Portal, sync_id: int, label: str) -> str:
    action = next(each for each in portal.actions(sync_id).values() if each.label.startswith(label))
    with portal.engine.connect() as connection:
        sync = portal.sync(sync_id)
        return " ".join(why(connection, sync, action, around(connection, sync, action)))


def test_whoever_is_archived_is_planned_as_that_and_nobody_writes_to_them(
    small: Portal, empty: CsvPortal, tmp_path: Path
) -> None:
    empty.option("email_on_create", "yes")

    sync_id = empty.prepare_with(file=package(small, tmp_path))

    added = {action.label: action.after.get("archived", False) for action in empty.actions(sync_id).values()}
    assert added == {"Ames, Ada": False, "Berg, Bo": True, "Cole, Cy": False, "Here": False, "Gone": True}
    assert "archived in the portal that wrote the package" in reasons(empty, sync_id, "Berg")
    assert "blended as in the portal that wrote the package; that goes before the options" in reasons(
        empty, sync_id, "Here"
    )
    assert "stands alone, as in the portal that wrote" in reasons(empty, sync_id, "Here")
    empty.commit_everything(sync_id)
    assert everything(empty.engine) == everything(small.engine)
    assert {mail.recipient for mail in empty.rows(Mail)} == {"ada@example.org", "cy@example.org"}


def test_who_is_archived_later_is_a_delete_that_can_be_undone(small: Portal, either: CsvPortal, tmp_path: Path) -> None:
    move(small, either, tmp_path)
    archive(small, Account, 1)
    archive(small, SchoolClass, 1)

    sync_id = either.prepare_with(file=package(small, tmp_path))

    assert brief(either, sync_id) == {("delete", "Ames"), ("delete", "Here")}
    assert "lists it as archived in the portal that wrote the package" in reasons(either, sync_id, "Ames")
    either.commit_everything(sync_id)
    assert everything(either.engine) == everything(small.engine)
    assert either.actions(either.prepare_with(file=package(small, tmp_path))) == {}
    either.undo(sync_id)
    assert states(either) == {"Ames": False, "Berg": True, "Cole": False, "Here": False, "Gone": True}
    for _ in range(2):
        again = either.prepare_with(file=package(small, tmp_path))
        assert either.actions(again) == {}, "what was undone is not proposed again"
    either.propose_again()
    assert brief(either, either.prepare_with(file=package(small, tmp_path))) == {("delete", "Ames"), ("delete", "Here")}


def test_who_is_active_again_there_is_active_again_here(small: Portal, empty: CsvPortal, tmp_path: Path) -> None:
    move(small, empty, tmp_path)
    archive(small, Account, 2, at=None)
    archive(small, SchoolClass, 2, at=None)

    sync_id = empty.prepare_with(file=package(small, tmp_path))

    assert brief(empty, sync_id) == {("reactivate", "Berg"), ("reactivate", "Gone")}
    empty.commit_everything(sync_id)
    assert everything(empty.engine) == everything(small.engine)


def test_the_undo_of_a_move_unlinks_what_came_archived_and_can_be_undone(
    small: Portal, empty: CsvPortal, tmp_path: Path
) -> None:
    sync_id = move(small, empty, tmp_path)
    links = empty.rows(AccountLink), empty.rows(ClassLink)

    undo_id = empty.undo(sync_id)

    assert set(states(empty).values()) == {True}
    assert empty.rows(AccountLink) == empty.rows(ClassLink) == []
    assert empty.actions(empty.prepare_with(file=package(small, tmp_path))) == {}, (
        "what was undone is not proposed again"
    )
    empty.undo(undo_id)
    assert everything(empty.engine) == everything(small.engine)
    assert (empty.rows(AccountLink), empty.rows(ClassLink)) == links


def test_a_mark_holds_nobody_whom_another_connection_lists(small: Portal, empty: CsvPortal, tmp_path: Path) -> None:
    """And the other way: one that is listed as archived is listed by nobody, where another source drops them."""
    move(small, empty, tmp_path)
    assert listing_people(empty.engine, 0, [1, 2, 3]) == {1: "csv", 3: "csv"}
    assert listing_sections(empty.engine, 0, [1, 2]) == {1: "csv"}


def test_guards_hold_the_archived_like_the_vanished(small: Portal, empty: CsvPortal, tmp_path: Path) -> None:
    for number in range(10, 40):
        portal_name = f"s{number}"
        small.add_account("student", portal_name, first_name=portal_name, last_name=portal_name, student_id=portal_name)
    move(small, empty, tmp_path)
    for id_ in range(10, 20):
        archive(small, Account, id_)

    sync_id = empty.prepare_with(file=package(small, tmp_path))

    assert {action.held for action in empty.actions(sync_id).values()} == {"guard-deletes"}


# --- for other systems


def test_without_the_archived_the_package_is_for_any_system(small: Portal, empty: CsvPortal, tmp_path: Path) -> None:
    small._insert(Organization, {"name": "Shut", "slug": "shut", "created_at": small.now, "archived_at": small.now})
    with zipfile.ZipFile(package(small, tmp_path, archived=False)) as archive_:
        read = {
            name: list(csv.DictReader(io.StringIO(archive_.read(f"{name}.csv").decode())))
            for name in ("orgs", "users", "classes")
        }

    assert [row["name"] for row in read["orgs"]] == ["Lincoln Unified"]
    assert [(row["username"], row["enabledUser"]) for row in read["users"]] == [("ada", "true"), ("cy", "true")]
    assert [row["title"] for row in read["classes"]] == ["Here"]
    assert not any(row["metadata.sisPortal.archived"] for rows in read.values() for row in rows)


def test_those_that_are_archived_are_disabled_for_whoever_reads_them(small: Portal, tmp_path: Path) -> None:
    with zipfile.ZipFile(package(small, tmp_path)) as archive_:
        users = list(csv.DictReader(io.StringIO(archive_.read("users.csv").decode())))
    told = [(row["username"], row["enabledUser"], row["metadata.sisPortal.archived"]) for row in users]
    assert told == [("ada", "true", ""), ("bo", "false", "true"), ("cy", "true", "")]


def test_of_what_our_columns_say_only_what_a_portal_holds_is_believed() -> None:
    assert own.exact_account(json.dumps({"grade": "9,\x00 10", "organization": "7", "role": "administrator"})) == {"grade": "9, 10"}  # fmt: skip
    assert own.exact_class("{nonsense") is UNSET
    assert own.style("weekly") is UNSET
    assert own.parent_class(json.dumps({"name": "A", "teachers": "x", "style": "weekly"})) == {"name": "A"}


def test_of_another_system_that_kept_our_columns_nobody_is_archived_by_them(
    small: Portal, empty: CsvPortal, tmp_path: Path
) -> None:
    """A SIS that read a package of ours and keeps its columns writes them of whoever has come back to it, too."""
    move(small, empty, tmp_path)
    archive(small, Account, 1)
    theirs = tmp_path / "theirs.zip"
    with zipfile.ZipFile(package(small, tmp_path)) as ours, zipfile.ZipFile(theirs, "w") as written:
        for name in ours.namelist():
            data = ours.read(name)
            written.writestr(name, data.replace(b"sis-portal", b"their-sis") if name == "manifest.csv" else data)

    of_theirs = empty.actions(empty.prepare_with(file=str(theirs)))
    of_ours = empty.actions(empty.prepare_with(file=package(small, tmp_path)))

    assert [type_ for type_, verb, _ in of_theirs if verb == "delete"] == []
    assert [type_ for type_, verb, _ in of_ours if verb == "delete"] == ["student"]
