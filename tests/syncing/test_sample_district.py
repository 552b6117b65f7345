"""The sample district as a connection: when it is wanted, and that its removal leaves nothing of it, on both databases."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from sisportal import sample
from sisportal.folder import held
from sisportal.models import (
    Account,
    AccountRole,
    Action,
    AuditEvent,
    Base,
    Membership,
    Organization,
    SchoolClass,
    SignedInBrowser,
    SisConnection,
    Source,
    Sync,
)
from sisportal.models.database import writing
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from sisportal.syncing import apps, connections, login_cards, notices, sample_district, sample_removal, selfcheck
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.prepare import prepare
from sisportal.syncing.review import Who
from sisportal.syncing.sample_district import is_sample, settle
from sisportal.syncing.states import NotAllowed
from tests.syncing.portal import Portal, reader

ADA = Who("ada@example.org", None, "10.0.0.7")


def make_sample(portal: Portal) -> None:
    """What the portal is connected to is the sample from now on."""
    settings = portal.facts().settings | {sample_district.SAMPLE: True}
    with writing(portal.engine).begin() as connection:
        connection.execute(update(SisConnection).values(settings=settings))
        apps.install(connection, "clever", portal.now)


@pytest.fixture
def tried(portal: Portal) -> Portal:
    """A portal of several schools, connected to the sample, with an administrator of its own."""
    portal.connect(organizations=True)
    with writing(portal.engine).begin() as connection:
        connection.execute(update(Organization).values(source=Source.SYNC))
    make_sample(portal)
    portal.add_administrator()
    return portal


def rows_by_table(portal: Portal) -> dict[str, int]:
    with portal.engine.connect() as connection:
        counts = {table.name: connection.scalar(select(func.count()).select_from(table)) for table in TABLES}
    return {name: count for name, count in counts.items() if count}


TABLES = [
    table for table in Base.metadata.sorted_tables if table.name not in {"audit_event", "installed_app", "setting"}
]


def test_removing_the_sample_leaves_nothing_that_it_brought(tried: Portal, tmp_path: Path) -> None:
    before = rows_by_table(tried)
    tried.sync_all()
    tried.pass_day()
    second = tried.sync_all()
    tried.undo(second)
    student = tried.rows(Account, Account.role == AccountRole.STUDENT)[0]
    with writing(tried.engine).begin() as connection:
        login_cards.make(connection, "secret", [student], ADA, timedelta(days=1), tried.now)
    (sample.folder(tmp_path) / "district.json").write_text("{}")

    found = sample_removal.remove(tried.engine, ADA, tried.now, tmp_path)

    assert before["organization"] == 3
    assert rows_by_table(tried) == {"account": 1}
    assert (len(found.organizations), len(found.syncs), found.staying) == (3, 3, 0)
    assert len(found.accounts) > len(found.classes) > 0
    assert not sample.days_file(tmp_path).exists()
    found_wrong = selfcheck.check_store(tried.engine, Cipher("made-up"), tried.now)
    assert [
        each.what for each in found_wrong if "sorted and searched" not in each.what
    ] == []  # the made-up administrator


def test_what_somebody_made_by_hand_stays_and_who_was_given_another_role(tried: Portal, tmp_path: Path) -> None:
    tried.sync_all()
    teacher, other = tried.rows(Account, Account.role == AccountRole.TEACHER)[:2]
    school = teacher.organization_id
    by_hand = {
        "name": "Chess",
        "organization_id": school,
        "source": Source.HAND,
        "search": "chess",
        "created_at": tried.now,
    }
    with writing(tried.engine).begin() as connection:
        connection.execute(update(Account).where(Account.id == teacher.id).values(role=AccountRole.VIEWER))
        made = connection.execute(insert(SchoolClass).values(by_hand).returning(SchoolClass.id)).scalar_one()
        connection.execute(insert(Membership), [{"class_id": made, "account_id": other.id, "position": 0}])

    found = sample_removal.remove(tried.engine, ADA, tried.now, tmp_path)

    assert found.staying == 1
    assert {row.id for row in tried.rows(Account)} > {teacher.id}
    assert len(tried.rows(Account)) == 2
    assert [(row.name, row.changed_by_sync) for row in tried.rows(SchoolClass)] == [("Chess", None)]
    assert [row.id for row in tried.rows(Organization)] == [school]
    assert tried.rows(Membership) == []


def test_whom_and_what_a_real_district_brought_first_stays_although_an_undo_took_its_links_away(
    tried: Portal, tmp_path: Path
) -> None:
    tried.sync_all()
    student, class_ = tried.rows(Account, Account.role == AccountRole.STUDENT)[0], tried.rows(SchoolClass)[0]
    real = connections.connect(tried.engine, "csv", {}, None, tried.now)
    with writing(tried.engine).begin() as connection:
        sync = {"connection_id": real, "mode": "full", "state": "committed", "created_at": tried.now}
        sync_id = connection.execute(insert(Sync).values(sync).returning(Sync.id)).scalar_one()
        for type_, target in (("student", student.id), ("section", class_.id)):
            made = {"sync_id": sync_id, "type": type_, "verb": "add", "source_id": "their own", "target_id": target}
            connection.execute(insert(Action).values(made | {"state": "applied"}))

    found = sample_removal.remove(tried.engine, ADA, tried.now, tmp_path)

    assert [row.id for row in tried.rows(Account, Account.role == AccountRole.STUDENT)] == [student.id]
    assert [row.id for row in tried.rows(SchoolClass)] == [class_.id]
    assert found.staying == 1


def test_whatever_table_names_an_account_of_the_sample_it_is_removed(tried: Portal, tmp_path: Path) -> None:
    tried.sync_all()
    student = tried.rows(Account, Account.role == AccountRole.STUDENT)[0]
    browser = {"key": "k", "account_id": student.id, "session_version": 1, "way": "clever", "created_at": tried.now}
    with writing(tried.engine).begin() as connection:
        connection.execute(insert(SignedInBrowser).values(browser))
        connection.execute(update(Sync).values(started_by=student.id))
        notices.record(connection, "signed-in", student.username, tried.now, actor="x", actor_id=student.id, address="")

    sample_removal.remove(tried.engine, ADA, tried.now, tmp_path)

    assert rows_by_table(tried) == {"account": 1}
    assert {row.actor_id for row in tried.rows(AuditEvent)} == {None}


def test_the_schools_own_district_is_connected_and_synced_after_the_sample(tried: Portal, tmp_path: Path) -> None:
    tried.sync_all()
    sample_removal.remove(tried.engine, ADA, tried.now, tmp_path)
    with serve(create_sandbox(generate(30, seed=7))) as own:
        tried.served = own
        tried.connect()
        tried.sync_all()
    assert not is_sample(tried.facts().settings)
    assert tried.rows(Account, Account.role == AccountRole.STUDENT)


def test_nothing_is_removed_while_a_sync_waits_or_of_a_real_district(quick_portal: Portal, tmp_path: Path) -> None:
    portal = quick_portal
    with pytest.raises(NotAllowed, match="is not connected"):
        sample_removal.remove(portal.engine, ADA, portal.now, tmp_path)
    make_sample(portal)
    portal.request()
    with pytest.raises(NotAllowed, match="One runs at a time"):
        sample_removal.remove(portal.engine, ADA, portal.now, tmp_path)
    assert portal.rows(SisConnection)


def test_the_sample_is_served_exactly_while_its_connection_is_enabled(quick_portal: Portal, tmp_path: Path) -> None:
    portal, wanted = quick_portal, []

    def look() -> None:
        settle(portal.engine, tmp_path, portal.now)
        wanted.append(bool(sample.wanted(tmp_path)))

    look()
    make_sample(portal)
    look()
    for values in ({"enabled": False}, {"enabled": True}):
        with writing(portal.engine).begin() as connection:
            connection.execute(update(SisConnection).values(values))
        look()
    with writing(portal.engine).begin() as connection:
        apps.disable(connection, "clever")
    look()

    assert wanted == [False, True, False, True, False]


def test_a_sample_that_nobody_went_on_to_connect_is_let_go_of(
    sqlite_store_url: str, quick_portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = quick_portal
    with writing(portal.engine).begin() as connection:
        connection.execute(Base.metadata.tables["sis_school"].delete())
        connection.execute(Base.metadata.tables["connection"].delete())
    sample.want(tmp_path)

    settle(portal.engine, tmp_path, portal.now)
    assert sample.wanted(tmp_path)
    monkeypatch.setattr(sample_district, "ABANDONED", 0.0)
    settle(portal.engine, tmp_path, portal.now)
    assert not sample.wanted(tmp_path)


def test_the_connection_follows_the_sample_to_another_address_and_a_plan_stays_good(
    quick_portal: Portal, tmp_path: Path
) -> None:
    portal = quick_portal
    make_sample(portal)
    sync_id = portal.prepare()
    sample.served_at(tmp_path, "http://127.0.0.1:1")

    settle(portal.engine, tmp_path, portal.now)

    assert (portal.facts().settings["base_url"], portal.facts().settings["login_url"]) == ("http://127.0.0.1:1",) * 2
    assert portal.commit(sync_id) == "committed"


def test_a_sync_of_a_sample_that_is_away_says_that_it_comes_back_by_itself(quick_portal: Portal) -> None:
    portal = quick_portal
    make_sample(portal)
    sync_id = portal.request()
    prepare(portal.engine, sync_id, reader("http://127.0.0.1:1", "t"), portal.clock)
    assert (portal.sync(sync_id).state, portal.sync(sync_id).note) == ("failed", sample_district.AWAY)


@pytest.mark.parametrize(
    ("portal_url", "client_id"),
    [("http://127.0.0.1:5000", sample.CLIENT_ID), ("https://portal.example.org", "")],
)
def test_its_people_sign_in_only_where_a_browser_can_reach_it(
    quick_portal: Portal, tmp_path: Path, portal_url: str, client_id: str
) -> None:
    portal = quick_portal
    with writing(portal.engine).begin() as connection:
        connection.execute(Base.metadata.tables["sis_school"].delete())
        connection.execute(Base.metadata.tables["connection"].delete())
    sample.served_at(tmp_path, portal.served.url)
    with held(sample.folder(tmp_path)):
        made = sample_district.try_it(portal.engine, tmp_path, Cipher("made-up"), portal_url, ADA, portal.now)
        with pytest.raises(NotAllowed, match="connected already"):
            sample_district.try_it(portal.engine, tmp_path, Cipher("made-up"), portal_url, ADA, portal.now)
    portal.connection_id = made
    assert portal.facts().settings == {
        "sample": True, "base_url": portal.served.url, "login_url": portal.served.url, "client_id": client_id
    }  # fmt: skip


def test_without_a_process_that_serves_it_the_sample_is_not_tried(
    quick_portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_district, "KEEPER_SECONDS", 0.0)
    with writing(quick_portal.engine).begin() as connection:
        connection.execute(Base.metadata.tables["sis_school"].delete())
        connection.execute(Base.metadata.tables["connection"].delete())
    with pytest.raises(NotAllowed) as refusal:
        sample_district.try_it(
            quick_portal.engine, tmp_path, Cipher("made-up"), "http://127.0.0.1:5000", ADA, quick_portal.now
        )
    assert "python -m jobs.sample" in str(refusal.value)
    assert not sample.wanted(tmp_path)


def test_a_day_passes_in_the_sample(quick_portal: Portal) -> None:
    portal, before = quick_portal, quick_portal.served.sandbox.district.today
    assert sample_district.pass_day(portal.engine, portal.served.url, ADA, portal.now) > before
    with pytest.raises(NotAllowed, match="does not answer"):
        sample_district.pass_day(portal.engine, "http://127.0.0.1:1", ADA, portal.now)


def test_the_numbers_of_syncs_that_are_removed_are_not_given_again(portal: Portal, tmp_path: Path) -> None:
    """The audit log goes on naming them."""
    portal.connect()
    make_sample(portal)
    removed = portal.sync_all()
    sample_removal.remove(portal.engine, ADA, portal.now, tmp_path)

    for _ in range(2):
        portal.connect()
        make_sample(portal)
        later = portal.sync_all(), portal.sync_all()
        assert removed < later[0] < later[1]
        removed = later[1]
        sample_removal.remove(portal.engine, ADA, portal.now, tmp_path)
