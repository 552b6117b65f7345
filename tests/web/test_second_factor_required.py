"""Who has to have a second factor, who is asked after Clever, and who may reset another person's."""

import dataclasses
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.models import Account, AccountLink, AccountRole, AuditEvent, Organization, SecondFactor, SignedInBrowser
from sisportal.sandbox.district import District
from sisportal.sandbox.serving import Served
from sisportal.syncing import accounts, second_factor, settings
from sisportal.syncing.review import Who
from tests.fakes import FakeClock
from tests.web.conftest import NOW, browser
from tests.web.second_factors import (
    EVE,
    EVES,
    PAGE,
    PASSWORD,
    STEP,
    code_at,
    first_step,
    give_factor,
    give_password,
    make_eve,
    second_step,
    shown_codes,
    shown_key,
)
from tests.web.test_clever_sso import CALLBACK, connect_all, sync_all
from tests.web.test_clever_sso import Browser as CleverBrowser
from tests.web.watching import words

RULES = "/admin/signing-in"


@pytest.fixture
def app(app: Flask) -> Flask:
    make_eve(app)
    return app


def require(app: Flask, policy: str) -> None:
    with app.app_context():
        second_factor.choose(db.session.connection(), policy)
        db.session.commit()


def of(app: Flask, role: str) -> FlaskClient:
    """A browser of somebody of this role."""
    with app.app_context():
        account = Account(role=AccountRole(role), roles=[role], username=role, created_at=NOW)
        db.session.add(account)
        db.session.commit()
        return browser(app, account.id)


@pytest.mark.parametrize(
    ("policy", "led"),
    [
        ("optional", []),
        ("administrators", ["administrator"]),
        ("staff", ["administrator", "organization-administrator", "viewer"]),
    ],
)
def test_those_who_have_to_have_one_are_led_to_set_it_up(app: Flask, policy: str, led: list[str]) -> None:
    require(app, policy)
    gone = [str(role) for role in AccountRole if of(app, role).get("/notifications").status_code == 303]
    assert sorted(gone) == led


def test_whoever_is_given_such_a_role_signs_in_again_for_a_session_without_a_code_is_not_enough(app: Flask) -> None:
    teacher, student = of(app, "teacher"), of(app, "student")
    with app.app_context():
        ids = {each.username: each.id for each in db.session.scalars(select(Account))}
        for name, role in (("teacher", "viewer"), ("student", "teacher")):
            accounts.change(db.session.connection(), ids[name], {"role": role}, Who("test"), NOW)
        db.session.commit()

    assert teacher.get("/notifications").location.startswith("/sign-in")
    assert student.get("/notifications").status_code == 200


def test_until_it_is_set_up_they_reach_nothing_else(app: Flask, nobody: FlaskClient, clock: FakeClock) -> None:
    require(app, "administrators")
    assert first_step(nobody, next="/accounts?page=2") == "/accounts?page=2"
    led = f"{PAGE}?next=/accounts?page%3D2"
    assert nobody.get("/accounts?page=2").location == led
    asked = {"HX-Request": "true", "HX-Current-URL": "http://localhost/accounts?page=2"}
    assert nobody.get("/notifications/bell", headers=asked).headers["HX-Redirect"] == led
    for path in (
        "/accounts/3/archive",
        "/my-account/password",
        "/my-account/sign-out-everywhere",
        f"{PAGE}/off",
        RULES,
    ):
        assert nobody.post(path, data={"second-factor": "optional"}).location.startswith(PAGE), path
    assert nobody.get("/accounts.csv").location.startswith(PAGE)
    page = nobody.get(led)
    assert ("Your password" in page.text, "<nav" in page.text, "Sign out" in page.text) == (False, False, True)
    page = nobody.post(PAGE, data={"code": code_at(NOW, shown_key(nobody)), "next": "/accounts?page=2"})
    assert (len(shown_codes(page.text)), 'href="/accounts?page=2"' in page.text) == (10, True)
    assert nobody.get("/accounts?page=2").status_code == 200
    assert nobody.post("/sign-out").location == "/sign-in"


def test_who_has_one_already_is_asked_for_its_code_and_for_nothing_more(app: Flask, nobody: FlaskClient) -> None:
    give_factor(app)
    require(app, "staff")
    first_step(nobody)
    assert second_step(nobody, code_at(NOW)) == (303, "/")
    assert nobody.get("/").status_code == 200


def test_who_has_to_have_one_and_switches_it_off_is_led_to_set_it_up_again(app: Flask, nobody: FlaskClient) -> None:
    give_factor(app)
    require(app, "staff")
    first_step(nobody)
    second_step(nobody, code_at(NOW))
    assert "you are led to set it up again at once" in words(nobody.get(PAGE))
    nobody.post(f"{PAGE}/off", data={"proof": PASSWORD})
    assert nobody.get("/").location == PAGE


def test_an_administrator_says_who_has_to_have_one_and_is_led_to_it_as_well(app: Flask, ada: FlaskClient) -> None:
    assert "Whoever wants one" in words(ada.get(RULES))
    assert ada.post(RULES, data={"second-factor": "everybody"}).status_code == 422
    assert ada.post(RULES, data={"second-factor": "staff"}).location == RULES
    assert ada.get(RULES).location == f"{PAGE}?next={RULES}"
    with app.app_context():
        row = db.session.execute(select(AuditEvent.event, AuditEvent.details).order_by(AuditEvent.id.desc())).first()
    assert row is not None
    assert (row.event, row.details["second_factor"]) == ("settings-changed", second_factor.CHOICES["staff"])


def test_an_administrator_resets_somebody_elses_and_they_sign_in_with_the_password_alone(
    app: Flask, ada: FlaskClient, nobody: FlaskClient
) -> None:
    give_factor(app)
    eve, waiting = browser(app, EVE), app.test_client()
    first_step(waiting)
    assert "Reset second factor" in ada.get(f"/accounts/{EVE}").text
    assert ada.post(f"/accounts/{EVE}/second-factor/reset").location == f"/accounts/{EVE}"
    assert "Reset second factor" not in ada.get(f"/accounts/{EVE}").text
    assert (eve.get("/").location, second_step(waiting, code_at(NOW))[1]) == ("/sign-in", "/sign-in")
    assert first_step(nobody) == "/"
    with app.app_context():
        row = db.session.execute(select(AuditEvent).where(AuditEvent.event == "second-factor-reset")).scalar_one()
        assert (row.actor, row.subject, row.address) == ("ada@example.org", EVES, "127.0.0.1")
    assert "has no second factor" in words(ada.post(f"/accounts/{EVE}/second-factor/reset", follow_redirects=True))


def test_nobody_takes_off_their_own_without_the_password(app: Flask) -> None:
    give_factor(app)
    eve = browser(app, EVE)
    assert "Reset second factor" not in eve.get(f"/accounts/{EVE}").text
    assert eve.post(f"/accounts/{EVE}/second-factor/reset").status_code == 403
    with app.app_context():
        assert db.session.scalar(select(SecondFactor.account_id)) == EVE


def test_an_organization_administrator_resets_those_of_teachers_of_their_part_and_nobody_elses(
    app: Flask, ben: FlaskClient, tom: FlaskClient
) -> None:
    give_factor(app)
    give_factor(app, 3, "tom@example.org")
    with app.app_context():
        settings.write_setting(db.session.connection(), settings.PARTITION, value=True)
        db.session.add_all([Organization(id=id_, name=f"O{id_}", slug=f"o{id_}", created_at=NOW) for id_ in (1, 2)])
        db.session.flush()
        db.session.execute(update(Account).where(Account.id == 3).values(organization_id=1, organizations=[1]))
        made = [
            Account(
                id=20 + id_, role=AccountRole.ORGANIZATION_ADMINISTRATOR, roles=[], username=f"oa{id_}",
                organization_id=id_, organizations=[id_], created_at=NOW,
            )
            for id_ in (1, 2)
        ]  # fmt: skip
        db.session.add_all(made)
        db.session.commit()
    theirs, others = browser(app, 21), browser(app, 22)
    path = "/accounts/3/second-factor/reset"
    statuses = [client.post(path).status_code for client in (browser(app, 3), ben, others)]
    assert statuses == [404, 403, 404]
    assert theirs.post(f"/accounts/{EVE}/second-factor/reset").status_code in {403, 404}
    assert theirs.post(path).status_code == 303
    with app.app_context():
        assert db.session.scalars(select(SecondFactor.account_id)).all() == [EVE]


class TestClever:
    """Whoever comes by Clever."""

    @pytest.fixture
    def settings(self, settings: Settings, sandbox: Served) -> Settings:
        sandbox.sandbox.login.redirect_uris = [CALLBACK]
        return dataclasses.replace(settings, clever_login_url=sandbox.url, clever_api_url=sandbox.url)

    @pytest.fixture
    def teacher(self, app: Flask, sandbox: Served, district: District) -> tuple[int, str, Callable[[], CleverBrowser]]:
        """(account, username, how they arrive) of a teacher who comes by Clever."""
        with app.app_context():
            connect_all(app, sandbox)
            sync_all(app)
            person = next(each for each in district.people if each.teacher and not each.staff)
            linked = select(Account.id, Account.username).join(AccountLink, AccountLink.account_id == Account.id)
            row = db.session.execute(linked.where(AccountLink.source_id == person.id)).one()

        def arrive() -> CleverBrowser:
            visitor = CleverBrowser(app, sandbox)
            visitor.at_clever(person, "teacher")
            visitor.by_button(next="/my-account")
            return visitor

        return row.id, row.username, arrive

    def test_a_teacher_is_not_asked_even_with_a_second_factor_for_the_password(
        self, app: Flask, teacher: tuple[int, str, Callable[[], CleverBrowser]], nobody: FlaskClient
    ) -> None:
        account_id, username, arrive = teacher
        give_password(app, username)
        give_factor(app, account_id, username)
        assert arrive().who() == username
        assert first_step(nobody, username) == STEP

    def test_an_administrator_who_comes_by_clever_is_asked_for_the_code_too(
        self, app: Flask, teacher: tuple[int, str, Callable[[], CleverBrowser]]
    ) -> None:
        account_id, username, arrive = teacher
        give_factor(app, account_id, username)
        with app.app_context():
            db.session.execute(update(Account).where(Account.id == account_id).values(role="administrator"))
            db.session.commit()
        visitor = arrive()
        assert visitor.visited[-1] == f"{STEP}?next=/my-account"
        assert visitor.who() == ""
        with app.app_context():
            assert db.session.scalars(select(SignedInBrowser.key)).all() == []
        assert second_step(visitor.portal, code_at(NOW), next="/my-account") == (303, "/my-account")
        assert visitor.who() == username
        assert "With Clever and a code" in words(visitor.portal.get("/my-account"))

    def test_an_administrator_who_has_to_have_one_is_led_to_it_from_clever_and_needs_no_password(
        self, app: Flask, teacher: tuple[int, str, Callable[[], CleverBrowser]], clock: FakeClock
    ) -> None:
        account_id, _, arrive = teacher
        with app.app_context():
            db.session.execute(update(Account).where(Account.id == account_id).values(role="viewer"))
            db.session.commit()
        require(app, "staff")
        visitor = arrive()
        assert visitor.visited[-1] == f"{PAGE}?next=/my-account"
        key = shown_key(visitor.portal)
        assert visitor.portal.post(PAGE, data={"code": code_at(NOW, key)}).status_code == 200
        assert visitor.portal.get("/my-account").status_code == 200
        refused = visitor.portal.post(f"{PAGE}/off", data={"proof": code_at(NOW, key)})
        assert refused.status_code == 422, "the code of the set-up is used"
        clock.pass_(seconds=30)
        gone = visitor.portal.post(f"{PAGE}/off", data={"proof": code_at(clock.now, key)})
        assert gone.location == "/my-account"
