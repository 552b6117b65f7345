"""Accounts by hand: made, changed, archived and reactivated, by whom it may be, and never over somebody else's change."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sisportal.extensions import db
from sisportal.models import Account, AccountLink, AccountRole, AuditEvent
from sisportal.models.database import writing
from tests.web.conftest import browser
from tests.web.mirrored import Mirrored, rows_of, student
from tests.web.reading import messages, seen, sent_by
from tests.web.test_partition import Divided
from tests.web.watching import queries, words

NEW = {"role": "teacher", "username": "gil", "first_name": "Gil", "last_name": "Ito", "email": "gil@example.org"}


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    return Mirrored.of(app)


def stored(app: Flask, account_id: int) -> Account:
    with app.app_context():
        return db.session.scalars(select(Account).where(Account.id == account_id)).one()


def put(app: Flask, account_id: int, **values: Any) -> None:
    with app.app_context(), writing(db.engine).begin() as connection:
        connection.execute(update(Account).where(Account.id == account_id).values(values))


def audited(app: Flask) -> list[tuple[str, str, Any]]:
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(row.event, row.subject, row.details) for row in rows]


def form(client: FlaskClient, account_id: int) -> dict[str, str]:
    return sent_by(client.get(f"/accounts/{account_id}/edit"))


def test_an_account_is_made_and_gets_its_password_by_a_link(app: Flask, ada: FlaskClient) -> None:
    made = ada.post("/accounts/new", data=NEW)

    assert (made.status_code, made.location) == (303, "/accounts/4")
    page = ada.get("/accounts/4")
    assert "Teacher · Active" in words(page)
    assert "Password link" in page.text
    row = stored(app, 4)
    assert (row.source, row.roles, row.search, row.password_hash) == (
        "hand",
        ["teacher"],
        "ito gil gil gil@example.org",
        None,
    )
    assert audited(app)[-1] == ("account-made", "gil", {"role": "teacher"})


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"username": " "}, "username", "Type a username: it is what they sign in with."),
        ({"username": "ADA@Example.org"}, "username", "Another account has this username already."),
        ({"username": "x" * 151}, "username", "This is longer than 150 letters."),
        ({"first_name": "<script>alert(1)</script>"}, "first_name", "This looks like a piece of a web page."),
        ({"first_name": "", "last_name": ""}, "last_name", "Type a first or a last name."),
        ({"last_name": "It\x07o"}, "last_name", "This holds a sign that cannot be shown."),
        ({"email": "gil at example"}, "email", "This is no e-mail address"),
        ({"birth_date": "2012-02-30"}, "birth_date", "This is no day of the calendar"),
        ({"birth_date": "0012-02-03"}, "birth_date", "A day between 1900 and 2099."),
        ({"graduation_year": "soon"}, "graduation_year", "A year of four digits"),
        ({"role": "owner"}, "role", "Choose a role."),
        ({"role": "organization-administrator"}, "organization", "An organization administrator belongs to an"),
        ({"organization": "77"}, "organization", "There is no such organization, or it is archived."),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field(
    app: Flask, ada: FlaskClient, entered: dict[str, str], field: str, sentence: str
) -> None:
    answer = ada.post("/accounts/new", data=NEW | entered)

    assert answer.status_code == 422
    assert list(messages(answer)) == [field]
    assert sentence in words(answer)
    assert "<script>" not in answer.text
    assert rows_of(ada.get("/accounts?q=ito")) == []


def test_an_untouched_form_changes_nothing(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    mia = mirrored.linked(student("m", "Abel", email="mia@example.org", grade="9", birth_date="2012-03-04"))
    before = stored(app, mia)

    answer = ada.post(f"/accounts/{mia}/edit", data=form(ada, mia), follow_redirects=True)

    assert "It was like this already." in words(answer)
    assert stored(app, mia).edited_at is before.edited_at is None
    assert [event for event, _, _ in audited(app)] == []


def test_a_change_is_kept_found_and_audited_without_values(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    mia = mirrored.linked(student("m", "Abel"))

    ada.post(f"/accounts/{mia}/edit", data=form(ada, mia) | {"last_name": "  van   Dyk ", "birth_date": "3/4/2012"})

    row = stored(app, mia)
    assert (row.last_name, row.birth_date, row.edited_at) == ("van Dyk", "2012-03-04", row.edited_at)
    assert row.edited_at is not None
    assert rows_of(ada.get("/accounts?q=dyk")) == ["van Dyk, Mia"]
    assert audited(app) == [("account-changed", "m", {"fields": "birth_date, last_name"})]


def test_a_change_of_role_says_which(app: Flask, ada: FlaskClient) -> None:
    ada.post("/accounts/3/edit", data=form(ada, 3) | {"role": "viewer"})
    assert (stored(app, 3).role, stored(app, 3).roles) == ("viewer", ["viewer"])
    assert audited(app)[-1][2] == {"fields": "role", "from_role": "teacher", "to_role": "viewer"}


def test_what_somebody_else_changed_meanwhile_is_told_and_not_overwritten(
    app: Flask, ada: FlaskClient, mirrored: Mirrored
) -> None:
    mia = mirrored.linked(student("m", "Abel", email="mia@example.org"))
    sent = form(ada, mia) | {"grade": "10"}
    put(app, mia, email="by-a-sync@example.org", changed_by_sync=1)

    answer = ada.post(f"/accounts/{mia}/edit", data=sent)

    assert answer.status_code == 409
    assert "E-mail by-a-sync@example.org mia@example.org" in words(answer)
    assert "Grade — 10" in words(answer)
    assert (stored(app, mia).email, stored(app, mia).grade) == ("by-a-sync@example.org", "")
    again = sent | seen(answer) | {"email": "by-a-sync@example.org"}
    assert ada.post(f"/accounts/{mia}/edit", data=again).status_code == 303
    assert (stored(app, mia).email, stored(app, mia).grade) == ("by-a-sync@example.org", "10")


def test_archiving_signs_out_everywhere_and_a_sync_is_not_to_blame(
    app: Flask, ada: FlaskClient, tom: FlaskClient
) -> None:
    assert tom.get("/").status_code == 200

    ada.post("/accounts/3/archive")

    assert tom.get("/").status_code == 303
    assert "Archived on 3 Nov 2026 by a person." in words(ada.get("/accounts/3"))
    row = stored(app, 3)
    assert (row.archived_by_sync, row.edited_at == row.archived_at, row.session_version) == (None, True, 2)
    ada.post("/accounts/3/reactivate")
    assert stored(app, 3).archived_at is None
    assert tom.get("/").status_code == 303
    assert [event for event, _, _ in audited(app)] == ["account-archived", "account-reactivated"]


def test_the_last_administrator_is_neither_archived_nor_demoted(app: Flask, ada: FlaskClient) -> None:
    last = "This is the last administrator who can sign in with a password."
    assert last in words(ada.post("/accounts/1/archive", follow_redirects=True))
    demoted = ada.post("/accounts/1/edit", data=form(ada, 1) | {"role": "viewer"}, follow_redirects=True)
    assert last in words(demoted)
    put(app, 2, role="administrator")
    assert last in words(ada.post("/accounts/1/archive", follow_redirects=True))
    put(app, 2, password_hash="made up")
    assert ada.post("/accounts/1/archive").status_code == 303
    assert stored(app, 1).archived_at is not None


def test_who_is_gone_from_the_sis_is_said_where_the_account_is_active(ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.person(student("g", "Gone"), gone_in_sync=1)
    gone = mirrored.account(student("g", "Gone"))
    here = mirrored.linked(student("m", "Abel"))
    assert "Clever does not list this person any more" in words(ada.get(f"/accounts/{gone}"))
    assert "does not list" not in words(ada.get(f"/accounts/{here}"))


def test_accounts_that_the_last_commit_changed_are_found(ada: FlaskClient, mirrored: Mirrored) -> None:
    mirrored.linked(student("m", "Abel"), changed_by_sync=1)
    mirrored.linked(student("n", "Noor"))
    assert rows_of(ada.get("/accounts?changed=last")) == ["Abel, Mia"]
    assert len(ada.get("/accounts.csv?changed=last").text.splitlines()) == 2


def test_a_viewer_finds_no_button(ben: FlaskClient) -> None:
    for address in ("/accounts", "/accounts/1"):
        assert re.findall(r"New account|>Edit<|Archive\b|Reset password|Password link", ben.get(address).text) == []


class TestOrganizationAdministrator:
    """Nora manages the north: students and teachers of it, and nobody else."""

    @pytest.fixture
    def divided(self, app: Flask) -> Divided:
        with app.app_context():
            return Divided(db.engine)

    @pytest.fixture
    def nora(self, app: Flask, divided: Divided) -> FlaskClient:
        return browser(app, divided.somebody("organization-administrator", 1))

    def test_makes_accounts_in_that_part_only(self, app: Flask, nora: FlaskClient) -> None:
        assert nora.post("/accounts/new", data=NEW | {"organization": "3"}).status_code == 303
        for place in ("2", "4", ""):
            answer = nora.post("/accounts/new", data=NEW | {"username": "other", "organization": place})
            assert (answer.status_code, list(messages(answer))) == (422, ["organization"])

    @pytest.mark.parametrize("role", ["administrator", "viewer", "organization-administrator"])
    def test_gives_nobody_as_many_rights(self, nora: FlaskClient, divided: Divided, role: str) -> None:
        answer = nora.post("/accounts/new", data=NEW | {"organization": "1", "role": role})
        assert (answer.status_code, list(messages(answer))) == (422, ["role"])
        sent = form(nora, divided.abel) | {"role": role}
        assert nora.post(f"/accounts/{divided.abel}/edit", data=sent).status_code == 422

    def test_changes_and_archives_them(self, app: Flask, nora: FlaskClient, divided: Divided) -> None:
        sent = form(nora, divided.abel) | {"grade": "11"}
        assert nora.post(f"/accounts/{divided.abel}/edit", data=sent).status_code == 303
        assert stored(app, divided.abel).grade == "11"
        assert nora.post(f"/accounts/{divided.abel}/archive").status_code == 303
        moved = nora.post(f"/accounts/{divided.annexed}/edit", data=form(nora, divided.annexed) | {"organization": "2"})
        assert moved.status_code == 422

    def test_leaves_those_alone_who_belong_elsewhere_first(self, nora: FlaskClient, divided: Divided) -> None:
        page = nora.get(f"/accounts/{divided.shared}")
        assert (page.status_code, "Edit" in words(page)) == (200, False)
        for what in ("edit", "archive", "reactivate", "password-link"):
            assert nora.post(f"/accounts/{divided.shared}/{what}", data=NEW).status_code == 403
            assert nora.post(f"/accounts/{divided.suarez}/{what}", data=NEW).status_code == 404

    def test_keeps_organizations_that_are_not_seen(self, app: Flask, nora: FlaskClient, divided: Divided) -> None:
        put(app, divided.abel, organizations=[1, 2])
        sent = form(nora, divided.abel) | {"several": "yes", "organizations": ["1", "3"]}
        assert nora.post(f"/accounts/{divided.abel}/edit", data=sent).status_code == 303
        assert stored(app, divided.abel).organizations == [1, 2, 3]


def test_the_form_takes_few_queries(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    mia = mirrored.linked(student("m", "Abel"))
    for address in ("/accounts/new", f"/accounts/{mia}/edit", f"/accounts/{mia}"):
        ada.get(address)
        with queries(app) as statements:
            ada.get(address)
        assert len(statements) <= 12, address


def test_roles_are_all_that_there_are(ada: FlaskClient) -> None:
    page = ada.get("/accounts/new").text
    assert re.findall(r'<option value="([a-z-]+)"', page) == [str(role) for role in reversed(AccountRole)]


def test_a_pinned_field_says_what_it_hides_and_since_when(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    mia = mirrored.linked(student("m", "Abel", email="mia@example.org"))
    with mirrored.engine.begin() as connection:
        connection.execute(update(AccountLink).values(written={"last_name": "Abel", "email": "mia@example.org"}))
    assert "Pinned fields" not in words(ada.get(f"/accounts/{mia}"))

    ada.post(f"/accounts/{mia}/edit", data=form(ada, mia) | {"last_name": "Baker"})

    page = words(ada.get(f"/accounts/{mia}"))
    assert "Last name Baker Abel 3 Nov 2026, 13:05 by ada@example.org Release" in page
    ada.post(f"/accounts/{mia}/edit", data=form(ada, mia) | {"last_name": "Abel"})
    assert "Pinned fields" not in words(ada.get(f"/accounts/{mia}"))
