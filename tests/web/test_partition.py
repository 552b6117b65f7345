"""Partition: who belongs to one organization sees nothing of the others, on no route, in no search and no export."""

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select, update

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, Membership, Notification, Organization, SyncWarning
from sisportal.roster.records import School, Section
from sisportal.syncing import settings
from sisportal.web.access import Rule, rule_of
from tests.web.conftest import NOW, browser
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.test_site import path, routes
from tests.web.watching import queries, words

FOREIGN = ("Suarez", "Sanchez", "Sculpture", "Salsa", "South High", "Harbor")
"""What only the south and the district above have: a student, a teacher, a class, a session, the school, its annex."""
ANNEX, DISTRICT = 3, 4


class Divided(Mirrored):
    """A district with a northern school that has an annex, and a southern one; each has people and a class."""

    def __init__(self, engine: Any) -> None:
        super().__init__(engine)
        self.tree()
        self.abel = self.linked(student("m", "Abel"))
        self.annexed = self.linked(student("x", "Xu"), organization_id=ANNEX, organizations=[ANNEX])
        self.suarez = self.linked(student("s", "Suarez", school=SOUTH))
        self.sanchez = self.linked(teacher("t", "Sanchez"), organization_id=2, organizations=[2])
        self.shared = self.linked(teacher("u", "Ueda"), organization_id=2, organizations=[1, 2])
        self.art = self.class_(
            Section("art", "Art", school=NORTH), ((self.sanchez, 0), (self.abel, 1000), (self.suarez, 1000))
        )
        self.sculpture = self.class_(
            Section("scu", "Sculpture", school=SOUTH), ((self.sanchez, 0), (self.suarez, 1000), (self.abel, 1000)),
            is_parent=True,
        )  # fmt: skip
        self.class_(Section("sal", "Salsa", school=SOUTH), parent_id=self.art)
        self.action("s", "add", "applied", outcome="Suarez")

    def tree(self) -> None:
        self._add(Organization, id=ANNEX, name="Annex", slug="annex", parent_id=1, created_at=NOW)
        self._add(Organization, id=DISTRICT, name="Harbor", slug="harbor", created_at=NOW)
        with self.engine.begin() as connection:
            connection.execute(update(Organization).where(Organization.id < ANNEX).values(parent_id=DISTRICT))
            settings.write_setting(connection, settings.PARTITION, value=True)

    def somebody(self, role: str, organization_id: int | None) -> int:
        return self._add(
            Account, role=role, roles=[role], username=f"{role}@example.org", last_name="Nakamura", created_at=NOW,
            organization_id=organization_id, organizations=[organization_id] if organization_id else [], search="nakamura",
        )  # fmt: skip


@pytest.fixture
def divided(app: Flask) -> Divided:
    with app.app_context():
        return Divided(db.engine)


@pytest.fixture
def nora(app: Flask, divided: Divided) -> FlaskClient:
    """The organization administrator of the north."""
    return browser(app, divided.somebody("organization-administrator", 1))


@pytest.fixture
def vic(app: Flask, divided: Divided) -> FlaskClient:
    """A viewer of the north."""
    return browser(app, divided.somebody("viewer", 1))


EVERY_RULE = frozenset(Rule)
OPEN_TO = {"teo": {Rule.EVERYBODY, Rule.SIGNED_IN}, "abel": {Rule.EVERYBODY, Rule.SIGNED_IN}}
OPEN_TO |= {who: OPEN_TO["teo"] | {Rule.LOOK, Rule.MANAGE} for who in ("nora", "vic")}
"""The rules of the routes that a person may reach; `test_access` shows that no other lets anybody in."""


def addresses(app: Flask, divided: Divided, reached: Collection[Rule] = EVERY_RULE) -> Iterator[tuple[str, str]]:
    """(method, path) of every route; of those that name a record, for one of each side and one above; of lists, searched.

    Of a route whose rule is not among those ``reached``, the southern record alone: its guard refuses whichever it is.
    """
    north = {"account_id": divided.abel, "class_id": divided.art, "organization_id": 1, "source_id": "m"}
    south = {"account_id": divided.suarez, "class_id": divided.sculpture, "organization_id": 2, "source_id": "s"}
    above = {"account_id": 1, "class_id": 3, "organization_id": DISTRICT, "source_id": "north"}
    common = {"sync_id": 1, "action_id": 1, "notification_id": 1, "token": "none", "slug": "north"}
    for route, method in routes(app):
        if route.endpoint == "sign_in.sign_out" or "everywhere" in route.rule:
            continue
        if rule_of(app.view_functions[route.endpoint]) not in reached:
            yield method, path(app, route, **common, **south)
            continue
        for side in (north, south, above) if route.arguments & north.keys() else (north,):
            yield method, path(app, route, **common, **side)
        if not route.arguments and method == "GET":
            yield from ((method, path(app, route) + query) for query in ("?state=all", "?q=s", "?organization=2"))


@pytest.fixture
def teo(app: Flask, divided: Divided) -> FlaskClient:
    """A teacher of the north, with a class there."""
    account_id = divided.somebody("teacher", 1)
    members = ((account_id, 0), (divided.abel, 1000))
    divided.class_(Section("bio", "Biology", school=NORTH), members)
    return browser(app, account_id)


@pytest.fixture
def abel(app: Flask, divided: Divided) -> FlaskClient:
    """A student of the north, who is in a class of the south, too."""
    with divided.engine.begin() as connection:
        connection.execute(delete(Membership).where(Membership.class_id != divided.art))
        connection.execute(update(Membership).where(Membership.position == 0).values(account_id=divided.shared))
    return browser(app, divided.abel)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", ["nora", "vic", "teo", "abel"])
def test_no_route_shows_anything_of_another_organization(
    app: Flask, divided: Divided, who: str, method: str, request: pytest.FixtureRequest
) -> None:
    client: FlaskClient = request.getfixturevalue(who)
    plant(divided)
    shown = {}
    for way, address in addresses(app, divided, OPEN_TO[who]):
        if way == method and (found := [word for word in FOREIGN if word in client.open(address, method=way).text]):
            shown[address] = found
    assert shown == {}


def plant(divided: Divided) -> None:
    """What is told of the south: in the audit log, to somebody else, and by a sync."""
    told = {"account_id": 1, "kind": "prepared", "text": "Suarez", "created_at": NOW}
    warning = {"sync_id": 1, "stage": "prepare", "code": "duplicate-email", "type": "student", "external_id": "s"}
    with divided.engine.begin() as connection:
        connection.execute(insert(AuditEvent), [{"at": NOW, "actor": "Suarez", "event": "signed-in", "subject": "x"}])
        connection.execute(insert(Notification), [told])
        connection.execute(insert(SyncWarning), [warning | {"value": "Suarez"}])


def test_the_test_sees_what_an_administrator_sees(app: Flask, divided: Divided, ada: FlaskClient) -> None:
    seen = {address.partition("?")[0] for method, address in addresses(app, divided) if method == "GET"
            and any(word in ada.get(address).text for word in FOREIGN)}  # fmt: skip
    assert {"/accounts", "/classes", "/organizations", "/accounts.csv", "/classes.csv", "/organizations.csv"} <= seen
    assert {f"/accounts/{divided.suarez}", f"/classes/{divided.sculpture}", "/organizations/2/users"} <= seen


@pytest.mark.parametrize("who", ["nora", "vic"])
def test_nothing_of_another_organization_can_be_changed(
    app: Flask, divided: Divided, who: str, request: pytest.FixtureRequest
) -> None:
    client: FlaskClient = request.getfixturevalue(who)
    before = everything(divided)
    for method, address in addresses(app, divided):
        foreign = {f"/organizations/{id_}/" for id_ in (2, DISTRICT)} | {f"/accounts/{divided.suarez}/", "/accounts/1/"}
        if method != "GET" and any(address.startswith(start) for start in foreign):
            assert client.open(address, method=method, data={"name": "Taken"}).status_code in {403, 404}, address
    assert everything(divided) == before


def everything(divided: Divided) -> list[Any]:
    with divided.engine.connect() as connection:
        return [list(connection.execute(select(table.__table__))) for table in (Organization, Account)]


def test_it_is_their_own_organization_and_below(divided: Divided, nora: FlaskClient) -> None:
    assert rows_of(nora.get("/accounts")) == ["Abel, Mia", "Nakamura", "Ueda, Tom", "Xu, Mia"]
    assert rows_of(nora.get("/classes")) == ["Art"]
    assert rows_of(nora.get("/organizations")) == ["North High", "Annex"]
    assert nora.get(f"/accounts/{divided.annexed}").status_code == 200
    page = nora.get(f"/classes/{divided.art}")
    assert rows_of(page) == ["Abel, Mia"]
    assert "2 people of other organizations are in this class, too." in words(page)


def test_somebody_of_several_organizations_is_seen_in_each(divided: Divided, nora: FlaskClient) -> None:
    assert nora.get(f"/accounts/{divided.shared}").status_code == 200
    assert nora.get(f"/accounts/{divided.sanchez}").status_code == 404
    assert "Ueda" in nora.get("/accounts.csv").text


def test_without_the_partition_a_viewer_sees_everything(divided: Divided, vic: FlaskClient, nora: FlaskClient) -> None:
    assert vic.get("/admin/sis/clever/status").status_code == 404
    with divided.engine.begin() as connection:
        settings.write_setting(connection, settings.PARTITION, value=False)
    assert "Suarez, Mia" in rows_of(vic.get("/accounts"))
    assert vic.get("/admin/sis/clever/status").status_code == 200
    assert "Suarez, Mia" not in rows_of(nora.get("/accounts"))  # manages a part, and sees that part


def test_a_viewer_without_an_organization_and_an_administrator_see_everything(
    divided: Divided, ada: FlaskClient, ben: FlaskClient
) -> None:
    assert "Suarez, Mia" in rows_of(ada.get("/accounts"))
    assert "Suarez, Mia" in rows_of(ben.get("/accounts"))
    assert ben.get("/admin/sis/clever/status").status_code == 200


def test_an_organization_administrator_without_one_sees_nobody(app: Flask, divided: Divided) -> None:
    client = browser(app, divided.somebody("organization-administrator", None))
    assert rows_of(client.get("/accounts")) == []
    assert "belongs to no organization" in words(client.get("/"))


def test_an_organization_administrator_manages_that_part(divided: Divided, nora: FlaskClient) -> None:
    made = nora.post("/organizations/new", data={"name": "Gym", "parent": "1"})
    assert made.status_code == 303
    assert rows_of(nora.get("/organizations")) == ["North High", "Annex", "Gym"]
    assert nora.post("/organizations/1/edit", data={"name": "North", "parent": str(DISTRICT)}).status_code == 303
    assert nora.post(f"/organizations/{ANNEX}/archive").status_code == 303
    assert nora.post("/organizations/1/archive").status_code == 403
    assert nora.post(f"/accounts/{divided.abel}/password-link").status_code == 200


@pytest.mark.parametrize("parent", ["", "2", str(DISTRICT)])
def test_an_organization_administrator_puts_nothing_elsewhere(divided: Divided, nora: FlaskClient, parent: str) -> None:
    before = everything(divided)
    assert nora.post("/organizations/new", data={"name": "Gym", "parent": parent}).status_code == 422
    moved = nora.post(f"/organizations/{ANNEX}/edit", data={"name": "Annex", "parent": parent})
    assert moved.status_code == 422
    assert everything(divided) == before


def test_an_organization_administrator_gets_nobodys_rights(app: Flask, divided: Divided, nora: FlaskClient) -> None:
    with divided.engine.begin() as connection:
        connection.execute(update(Account).where(Account.id.in_([1, 2])).values(organization_id=1))
    assert nora.get("/accounts/1").status_code == 200
    assert [nora.post(f"/accounts/{id_}/password-link").status_code for id_ in (1, 2)] == [403, 403]
    assert "Password link" not in nora.get("/accounts/1").text
    assert nora.post("/organizations/options").status_code == 404


def test_their_home_page_and_menu_lead_to_their_part(divided: Divided, nora: FlaskClient) -> None:
    page = nora.get("/")
    assert "North High" in words(page)
    assert [f'href="{place}"' in page.text for place in ("/accounts", "/organizations", "/admin/sis", "/audit")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_partitioned_list_takes_few_queries(app: Flask, divided: Divided, nora: FlaskClient) -> None:
    for address in ("/accounts", "/classes", "/organizations", "/organizations/1/users", f"/classes/{divided.art}"):
        nora.get(address)
        with queries(app) as statements:
            nora.get(address)
        assert len(statements) <= 12, address


def test_every_rule_is_one_that_this_test_knows(app: Flask) -> None:
    rules = {rule_of(app.view_functions[route.endpoint]) for route, _ in routes(app)}
    assert {str(rule) for rule in rules} <= {"everybody", "signed-in", "read", "write", "look", "manage"}


def test_a_school_of_the_sis_is_named_without_a_way_there(divided: Divided, nora: FlaskClient) -> None:
    divided.school(School("w", "West"), "mapped", 1)
    page = nora.get("/organizations/1")
    assert "West (Clever)" in words(page)
    assert "/admin/sis" not in page.text
