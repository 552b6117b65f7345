"""Who is told of a sync: every administrator, of organization administrators those concerned, and no viewer."""

from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from sisportal.models import Account, AccountRole, Mapping, NoticeKind, Notification, Organization, SisSchool
from sisportal.models.database import make_engine, writing
from sisportal.syncing.notices import notify
from tests.syncing.plans import NOW, action, make_connection, make_sync

DISTRICT, NORTH, SOUTH = 1, 2, 3
LINK = "/organizations/"


@pytest.fixture
def engine(database_url: str) -> Any:
    """A portal of two mapped schools below a district; Nora manages the north, Dee the district, Olle an empty place."""
    engine = make_engine(database_url)
    connection_id = make_connection(engine)
    with writing(engine).begin() as connection:
        for id_, name, parent in (
            (DISTRICT, "District", None),
            (NORTH, "North", 1),
            (SOUTH, "South", 1),
            (4, "Other", None),
        ):
            values = {"id": id_, "name": name, "slug": name.lower(), "parent_id": parent, "created_at": NOW}
            connection.execute(insert(Organization).values(values))
        connection.execute(SisSchool.__table__.update().values(organization_id=NORTH))  # type: ignore[attr-defined]
        south = {"connection_id": connection_id, "source_id": "south", "payload": {}, "name": "South", "sis_id": "S"}
        connection.execute(insert(SisSchool).values(south | {"mapping": Mapping.MAPPED, "organization_id": SOUTH}))
        add(connection, "ada", AccountRole.ADMINISTRATOR)
        add(connection, "gone", AccountRole.ADMINISTRATOR, archived_at=NOW)
        add(connection, "ben", AccountRole.VIEWER)
        add(connection, "nora", AccountRole.ORGANIZATION_ADMINISTRATOR, organization_id=NORTH)
        add(
            connection,
            "dee",
            AccountRole.ORGANIZATION_ADMINISTRATOR,
            organization_id=DISTRICT,
            organizations=[DISTRICT],
        )
        add(connection, "olle", AccountRole.ORGANIZATION_ADMINISTRATOR, organization_id=4)
    yield engine
    engine.dispose()


def add(connection: Any, name: str, role: AccountRole, **values: Any) -> None:
    given = {"role": role, "roles": [role], "username": name, "created_at": NOW} | values
    connection.execute(insert(Account).values(given))


def told(engine: Engine) -> dict[str, tuple[str, str]]:
    columns = select(Account.username, Notification.text, Notification.link)
    with engine.connect() as connection:
        rows = connection.execute(columns.join(Notification, Notification.account_id == Account.id))
        return {row[0]: (row[1], row[2]) for row in rows}


def notified(engine: Engine, sync_id: int | None, kind: NoticeKind, **how: str) -> dict[str, tuple[str, str]]:
    with writing(engine).begin() as connection:
        notify(connection, sync_id, kind, "What happened.", NOW, **how)
    return told(engine)


def test_a_plan_is_told_to_those_whose_organizations_it_would_change(engine: Engine) -> None:
    plan = [action("Abara, Mia"), action("Eze, Tom"), action("Algebra", type="section", school="south", verb="edit")]
    sync_id = make_sync(engine, 1, plan)

    north = "A sync is prepared. In your organizations it would change 2 students. An administrator reviews it."
    both = (
        "A sync is prepared. In your organizations it would change 2 students, 1 section. An administrator reviews it."
    )
    assert notified(engine, sync_id, NoticeKind.PREPARED) == {
        "ada": ("What happened.", f"/syncs/{sync_id}"),
        "nora": (north, f"{LINK}{NORTH}"),
        "dee": (both, f"{LINK}{DISTRICT}"),
    }


def test_a_commit_is_told_to_those_whose_organizations_it_changed(engine: Engine) -> None:
    plan = [action("Abara, Mia", state="unticked"), action("Ruiz, Eva", school="south", state="applied")]

    found = notified(engine, make_sync(engine, 1, plan), NoticeKind.COMMITTED)

    assert found.keys() == {"ada", "dee"}
    assert found["dee"][0] == "A sync was committed. In your organizations it changed 1 student."


def test_a_failure_is_told_to_everybody_whose_organizations_would_have_been_read(engine: Engine) -> None:
    found = notified(engine, make_sync(engine, 1), NoticeKind.FAILED)

    assert found.keys() == {"ada", "nora", "dee"}
    assert found["nora"][0] == "A sync of your organizations failed. The administrators know; nothing was changed."


def test_what_is_about_no_sync_is_told_to_administrators_alone_with_its_link(engine: Engine) -> None:
    found = notified(engine, None, NoticeKind.SILENT, link="/admin/sis/clever/status")

    assert found == {"ada": ("What happened.", "/admin/sis/clever/status")}
