"""Login cards: who prints them, what they open, and that a guess, a copy or an old card opens nothing."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from sisportal.extensions import db
from sisportal.models import Account, AuditEvent, LoginCard, Membership, Organization, SchoolClass
from sisportal.models.database import writing
from sisportal.syncing import administrators, login_cards, own_password, throttle
from sisportal.syncing.breached import breached_by
from sisportal.syncing.review import Who
from tests.fakes import FakeClock
from tests.web.conftest import NOW, browser
from tests.web.mailing import change, events, link_in
from tests.web.watching import words

TOM, SUE, SAM, SKY, NORA = 3, 4, 5, 6, 7
"""Tom teaches class 1, of organization 1, with Sue, Sam, who has an e-mail address, and Sky, who has a password; Nora,
an organization administrator, manages organization 1."""
PASSWORD = "correct horse battery"
CLASS = "/classes/1/login-cards"
MINE = "/my-classes/1/login-cards"


@pytest.fixture
def app(app: Flask) -> Flask:
    with app.app_context(), writing(db.engine).begin() as connection:
        for id_ in (1, 2):
            school = {"id": id_, "name": f"School {id_}", "slug": f"s{id_}", "created_at": NOW}
            connection.execute(insert(Organization).values(school))
        people = [
            (SUE, "sue", "student", "", None, 1), (SAM, "sam", "student", "sam@example.org", None, 1),
            (SKY, "sky", "student", "", "x", 1), (NORA, "nora", "organization-administrator", "", None, 1),
        ]  # fmt: skip
        for id_, name, role, email, password, organization in people:
            values: dict[str, Any] = {
                "id": id_, "role": role, "roles": [role], "username": name, "email": email, "password_hash": password,
                "first_name": name.title(), "last_name": "Ode", "search": f"ode {name}", "created_at": NOW,
                "organization_id": organization, "organizations": [organization],
            }  # fmt: skip
            connection.execute(insert(Account).values(values))
        for id_, organization in ((1, 1), (2, 2)):
            values = {
                "id": id_,
                "name": f"Maths {id_}",
                "organization_id": organization,
                "search": "m",
                "created_at": NOW,
            }
            connection.execute(insert(SchoolClass).values(values))
        places = [(1, TOM, 0), (1, SUE, 1000), (1, SAM, 1000), (1, SKY, 1000), (2, SAM, 1000)]
        rows = [{"class_id": class_id, "account_id": id_, "position": position} for class_id, id_, position in places]
        connection.execute(insert(Membership), rows)
    return app


def printed(answer: object) -> dict[str, str]:
    """Username -> code of a sheet."""
    text = words(answer)  # type: ignore[arg-type]
    return dict(re.findall(r"Username (\S+) Code ([A-Z2-9]{4}-[A-Z2-9]{4})", text))


def card(client: FlaskClient, account_id: int = SUE) -> str:
    """The code of a new card."""
    return next(iter(printed(client.post(f"/accounts/{account_id}/login-card")).values()))


def show(client: FlaskClient, username: str, code: str) -> tuple[int, str]:
    answer = client.post("/login-card", data={"username": username, "code": code})
    return answer.status_code, answer.location or ""


def choose(client: FlaskClient, path: str) -> int:
    return client.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code


def test_a_card_leads_to_a_password_and_then_has_done_its_work(ada: FlaskClient, nobody: FlaskClient) -> None:
    assert "I have a login card" in nobody.get("/sign-in").text
    code = card(ada)
    status, path = show(nobody, "sue", code)
    assert status == 303
    assert "sue" in nobody.get(path).text
    assert choose(nobody, path) == 303
    assert nobody.post("/sign-in", data={"username": "sue", "password": PASSWORD}).status_code == 303
    assert show(nobody, "sue", code) == (422, "")
    assert choose(nobody, path) == 404


@pytest.mark.parametrize("typed", ["{} ", "{lower}", "{plain}", " {lower_plain}"])
def test_a_code_is_good_however_it_is_typed(ada: FlaskClient, nobody: FlaskClient, typed: str) -> None:
    code = card(ada)
    forms = {"lower": code.lower(), "plain": code.replace("-", ""), "lower_plain": code.lower().replace("-", " ")}
    assert show(nobody, " SUE ", typed.format(code, **forms))[0] == 303


def test_a_class_sheet_has_a_card_for_each_who_needs_one(app: Flask, ada: FlaskClient) -> None:
    asked = words(ada.get(CLASS))
    assert "have no password yet: 1" in asked
    sheets = {
        whom: set(printed(ada.post(CLASS, data={"whom": whom}))) for whom in ("without-both", "without-password", "all")
    }
    assert sheets == {"without-both": {"sue"}, "without-password": {"sue", "sam"}, "all": {"sue", "sam", "sky"}}
    sheet = words(ada.post(CLASS, data={"whom": "all", "days": "1"}))
    assert "Sue Ode" in sheet
    assert "Go to 127.0.0.1:5000/login-card" in sheet
    assert "until 4 Nov 2026" in sheet


def test_a_sheet_for_nobody_is_asked_again(app: Flask, ada: FlaskClient) -> None:
    change(app, SUE, email="sue@example.org")
    answer = ada.post(CLASS, data={"whom": "without-both"})
    assert (answer.status_code, "There is nobody of that kind" in answer.text) == (422, True)


def test_printing_again_ends_the_earlier_codes_and_leaves_passwords(ada: FlaskClient, nobody: FlaskClient) -> None:
    older, newer = card(ada), card(ada)
    assert show(nobody, "sue", older) == (422, "")
    status, path = show(nobody, "sue", newer)
    assert (status, choose(nobody, path)) == (303, 303)
    card(ada)
    assert nobody.post("/sign-in", data={"username": "sue", "password": PASSWORD}).status_code == 303


def test_closing_the_page_before_choosing_leaves_the_card_good(
    ada: FlaskClient, nobody: FlaskClient, app: Flask
) -> None:
    code = card(ada)
    first, second = show(nobody, "sue", code)[1], show(browser(app), "sue", code)[1]
    assert choose(nobody, first) == 404
    assert choose(nobody, second) == 303


def test_a_card_is_good_until_its_day_and_its_link_for_half_an_hour(
    app: Flask, ada: FlaskClient, nobody: FlaskClient, clock: FakeClock
) -> None:
    code = card(ada)
    clock.now += timedelta(days=login_cards.USUAL_DAYS) - timedelta(seconds=1)
    path = show(nobody, "sue", code)[1]
    clock.now += timedelta(minutes=30)
    assert choose(nobody, path) == 404
    assert show(nobody, "sue", code) == (422, "")
    assert "Too old" in words(browser(app, 1).get(f"/accounts/{SUE}"))


def test_another_persons_card_opens_nothing(ada: FlaskClient, nobody: FlaskClient) -> None:
    sue, sam = card(ada), card(ada, SAM)
    assert [show(nobody, "sue", sam), show(nobody, "sam", sue), show(nobody, "eve", sue)] == [(422, "")] * 3


def test_a_wrong_code_says_the_same_as_an_unknown_username(ada: FlaskClient, nobody: FlaskClient) -> None:
    card(ada)
    known, unknown = (nobody.post("/login-card", data={"username": who, "code": "AAAA-AAAA"}) for who in ("sue", "eve"))
    assert (known.status_code, words(known)) == (unknown.status_code, words(unknown))
    assert 'value="sue"' in known.text


def test_guessing_is_slowed_down_even_for_the_right_code(
    ada: FlaskClient, nobody: FlaskClient, clock: FakeClock
) -> None:
    code = card(ada)
    assert [show(nobody, "sue", f"AAAA-AAA{letter}")[0] for letter in "ABCDEFGHJK"] == [422] * 10
    assert show(nobody, "sue", code)[0] == 429
    clock.now += throttle.WINDOW + timedelta(seconds=1)
    assert show(nobody, "sue", code)[0] == 303


def test_a_whole_class_behind_one_address_is_let_in(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sisportal.web.card_sign_in.TRIES_OF_ADDRESS", 2)
    codes = printed(ada.post(CLASS, data={"whom": "all"}))
    assert [show(browser(app), username, code)[0] for username, code in codes.items()] == [303] * 3


def test_codes_are_kept_as_hashes_that_the_database_alone_does_not_tell(app: Flask, ada: FlaskClient) -> None:
    code = card(ada)
    plain = login_cards.plain(code)
    with app.app_context():
        kept = [str(value) for row in db.session.execute(select(LoginCard.__table__)) for value in row]
        told = [str(event.details) + event.subject for event in db.session.scalars(select(AuditEvent))]
    assert [text for text in kept + told if code in text or plain in text] == []
    assert login_cards.key_of("made-up", SUE, plain) in kept
    assert login_cards.key_of("another secret", SUE, plain) not in kept


def test_an_archived_account_has_no_card_and_its_card_opens_nothing(
    app: Flask, ada: FlaskClient, nobody: FlaskClient
) -> None:
    code = card(ada)
    change(app, SUE, archived_at=NOW)
    assert show(nobody, "sue", code) == (422, "")
    assert ada.post(f"/accounts/{SUE}/login-card").status_code == 403
    assert "sue" not in printed(ada.post(CLASS, data={"whom": "all"}))


@pytest.mark.parametrize("account_id", [1, 2, NORA])
def test_nobody_with_a_part_in_the_administration_has_a_card(ada: FlaskClient, account_id: int) -> None:
    assert ada.post(f"/accounts/{account_id}/login-card").status_code == 403


def test_a_teacher_prints_for_their_own_students_only(app: Flask, tom: FlaskClient) -> None:
    assert set(printed(tom.post(MINE, data={"whom": "all"}))) == {"sue", "sam", "sky"}
    assert set(printed(tom.post(MINE, data={"student": str(SUE)}))) == {"sue"}
    assert [tom.post(MINE, data={"student": student}).status_code for student in (str(NORA), "1", "x")] == [404] * 3
    assert [tom.get("/my-classes/2/login-cards").status_code, tom.post("/my-classes/2/login-cards").status_code] == [
        404
    ] * 2
    assert [tom.get(CLASS).status_code, tom.post(f"/accounts/{SUE}/login-card").status_code] == [404] * 2


def test_a_teacher_who_left_the_class_prints_nothing_any_more(app: Flask, tom: FlaskClient) -> None:
    with app.app_context():
        place = db.session.get(Membership, (1, TOM))
        assert place
        place.ended_by_sync = 0
        db.session.commit()
    assert tom.post(MINE, data={"whom": "all"}).status_code == 404


def test_a_colleague_in_the_roster_gets_no_card_from_a_teacher(app: Flask, tom: FlaskClient) -> None:
    change(app, SAM, role="teacher")
    assert set(printed(tom.post(MINE, data={"whom": "all"}))) == {"sue", "sky"}


def test_a_student_prints_nothing(app: Flask) -> None:
    sue = browser(app, SUE)
    assert [sue.get(MINE).status_code, sue.post(MINE, data={"whom": "all"}).status_code] == [404, 404]


def test_an_organization_administrator_prints_in_their_own_part(app: Flask) -> None:
    nora = browser(app, NORA)
    assert set(printed(nora.post(CLASS, data={"whom": "all"}))) == {"sue", "sam", "sky"}
    assert nora.post(f"/accounts/{SUE}/login-card").status_code == 200
    change(app, SUE, organization_id=2, organizations=[2])
    assert nora.post(f"/accounts/{SUE}/login-card").status_code == 404
    assert set(printed(nora.post(CLASS, data={"whom": "all"}))) == {"sam", "sky"}
    assert nora.post("/classes/2/login-cards", data={"whom": "all"}).status_code == 404


def test_a_viewer_prints_nothing(ben: FlaskClient) -> None:
    assert [ben.get(CLASS).status_code, ben.post(f"/accounts/{SUE}/login-card").status_code] == [403, 403]


def test_who_printed_and_who_used_is_told_on_the_account_and_in_the_audit_log(
    app: Flask, ada: FlaskClient, tom: FlaskClient, nobody: FlaskClient
) -> None:
    card(ada)
    code = printed(tom.post(MINE, data={"student": str(SUE)}))["sue"]
    choose(nobody, show(nobody, "sue", code)[1])
    shown = words(ada.get(f"/accounts/{SUE}"))
    assert "tom@example.org 17 Nov 2026, 13:05 Used" in shown
    assert "ada@example.org 17 Nov 2026, 13:05 Replaced" in shown
    assert events(app, "login-card-printed") == [("ada@example.org", "sue"), ("tom@example.org", "sue")]
    assert events(app, "login-card-used") == [("sue", "sue")]


def test_every_card_that_was_printed_is_listed_with_what_became_of_it(
    app: Flask, ada: FlaskClient, tom: FlaskClient, nobody: FlaskClient, clock: FakeClock
) -> None:
    ada.post(CLASS, data={"whom": "all", "days": "1"})
    codes = printed(tom.post(MINE, data={"whom": "all", "days": "1"}))
    choose(nobody, show(nobody, "sue", codes["sue"])[1])
    assert "6 cards" in words(ada.get("/admin/login-cards"))
    assert "2 cards" in words(ada.get("/admin/login-cards?state=good"))
    assert "1 card" in words(ada.get("/admin/login-cards?state=used"))
    assert "3 cards" in words(ada.get("/admin/login-cards?state=replaced"))
    assert "3 cards" in words(ada.get("/admin/login-cards?q=tom@"))
    assert "2 cards" in words(ada.get("/admin/login-cards?q=sky"))
    clock.pass_(days=1)
    assert "2 cards" in words(browser(app, 1).get("/admin/login-cards?state=expired"))


def test_how_long_cards_are_good_is_a_setting(ada: FlaskClient, ben: FlaskClient) -> None:
    assert ada.post("/admin/login-cards/days", data={"days": "30"}).status_code == 303
    assert ada.post("/admin/login-cards/days", data={"days": "29"}).status_code == 422
    assert "until 3 Dec 2026" in words(ada.post(f"/accounts/{SUE}/login-card"))
    assert "How long a card is good" not in words(ben.get("/admin/login-cards"))


def test_choosing_a_password_in_another_way_ends_the_card(ada: FlaskClient, nobody: FlaskClient) -> None:
    code = card(ada)
    choose(nobody, link_in(ada.post(f"/accounts/{SUE}/password-link").text))
    assert show(nobody, "sue", code) == (422, "")


def test_a_password_that_is_set_or_changed_ends_cards_and_links(
    app: Flask, ada: FlaskClient, nobody: FlaskClient
) -> None:
    with app.app_context():
        engine = db.engine
    code, path = card(ada), link_in(ada.post(f"/accounts/{SUE}/password-link").text)
    administrators.reset_password(engine, "sue", PASSWORD, NOW, actor="a test")
    assert (show(nobody, "sue", code)[0], choose(nobody, path)) == (422, 404)
    code, path = card(ada), link_in(ada.post(f"/accounts/{SUE}/password-link").text)
    own_password.change(engine, Who("sue", SUE), PASSWORD, "another good long one", "SIS Portal", NOW, breached_by(""))
    assert (show(nobody, "sue", code)[0], choose(nobody, path)) == (422, 404)


@pytest.mark.parametrize("field", ["username", "code"])
def test_a_form_with_a_gap_is_shown_again(nobody: FlaskClient, field: str) -> None:
    data = {"username": "sue", "code": "AAAA-AAAA"} | {field: ""}
    assert nobody.post("/login-card", data=data).status_code == 422


def test_a_sheet_is_not_kept_by_the_browser(ada: FlaskClient) -> None:
    answer = ada.post(CLASS, data={"whom": "all"})
    assert answer.headers["Cache-Control"] == "no-store"
