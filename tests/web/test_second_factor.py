"""One's own second factor: set up, asked for at the sign-in, its recovery codes, and switched off."""

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sisportal.extensions import db
from sisportal.models import AuditEvent, HalfSignIn, RecoveryCode, SecondFactor, SignedInBrowser
from sisportal.syncing import second_factor
from sisportal.syncing.one_time_codes import enrolment
from sisportal.syncing.review import Who
from tests.fakes import FakeClock
from tests.web.conftest import NOW, browser
from tests.web.mailing import link_in
from tests.web.second_factors import (
    EVE,
    EVES,
    PAGE,
    PASSWORD,
    SECRET,
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
from tests.web.watching import words

OTHER = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
WRONG = "That code is not right, was used already or is too old."


@pytest.fixture
def app(app: Flask) -> Flask:
    make_eve(app)
    return app


@pytest.fixture
def eve(app: Flask) -> FlaskClient:
    return browser(app, EVE)


def events(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))[1:]


def test_a_second_factor_is_set_up_with_the_key_of_the_page_and_asked_for_from_then_on(
    app: Flask, eve: FlaskClient, nobody: FlaskClient, clock: FakeClock
) -> None:
    other = browser(app, EVE)
    key = shown_key(eve)
    assert key == shown_key(eve), "the same key for as long as it is being set up"
    page = eve.post(PAGE, data={"code": code_at(NOW, key), "proof": PASSWORD})
    assert (page.status_code, len(set(shown_codes(page.text)))) == (200, 10)
    assert page.headers["Cache-Control"] == "no-store"
    assert (eve.get("/").status_code, other.get("/").location) == (200, "/sign-in")
    assert "With a password and a code" in words(eve.get("/my-account"))
    assert first_step(nobody) == STEP
    clock.pass_(seconds=30)
    assert second_step(nobody, code_at(clock.now, key)) == (303, "/")
    assert nobody.get("/").status_code == 200
    assert events(app) == ["second-factor-set-up", "signed-in"]


def test_the_picture_holds_the_key_the_person_and_the_portal() -> None:
    parts = urlsplit(enrolment(SECRET, EVES, "Lincoln & Unified"))
    assert (parts.scheme, parts.netloc, unquote(parts.path)) == ("otpauth", "totp", f"/Lincoln & Unified:{EVES}")
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Lincoln & Unified"]}


def test_the_page_of_the_set_up_needs_no_script_and_nothing_inline(eve: FlaskClient) -> None:
    text = eve.get(PAGE).text
    assert 'src="data:image/svg+xml' in text
    assert ('autocomplete="one-time-code"' in text, 'inputmode="numeric"' in text) == (True, True)
    assert "style=" not in text


@pytest.mark.parametrize(
    ("code", "proof", "sentence"),
    [
        ("", PASSWORD, "Type the six digits."), ("000000", PASSWORD, "That is not the code just now."),
        ("right", "wrong", "That is not your password."), ("right", "", "That is not your password."),
        ("1" * 60, PASSWORD, "A code has six digits."), ("\uff11\uff12\uff13\uff14\uff15\uff16", PASSWORD, "That is not the code just now."),
    ],
)  # fmt: skip
def test_a_set_up_that_does_not_fit_changes_nothing_and_says_why(
    app: Flask, eve: FlaskClient, nobody: FlaskClient, code: str, proof: str, sentence: str
) -> None:
    key = shown_key(eve)
    page = eve.post(PAGE, data={"code": code_at(NOW, key) if code == "right" else code, "proof": proof})
    assert (page.status_code, sentence in words(page)) == (422, True)
    assert key == shown_key(eve)
    assert first_step(nobody) == "/"


def test_a_code_signs_in_once_and_so_does_none_before_it(app: Flask, clock: FakeClock) -> None:
    give_factor(app)
    one, other = app.test_client(), app.test_client()
    for client in (one, other):
        first_step(client)
    assert second_step(one, code_at(NOW, steps=1)) == (303, "/")
    for steps in (1, 0, -1):
        assert second_step(other, code_at(NOW, steps=steps))[0] == 422
    clock.pass_(seconds=60)
    assert second_step(other, code_at(clock.now)) == (303, "/")


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 303), (0, 303), (1, 303), (2, 422)])
def test_a_telephones_clock_may_be_half_a_minute_off(app: Flask, nobody: FlaskClient, steps: int, status: int) -> None:
    give_factor(app)
    first_step(nobody)
    with app.app_context():
        db.session.execute(update(SecondFactor).values(last_step=0))
        db.session.commit()
    assert second_step(nobody, code_at(NOW, steps=steps))[0] == status


def test_before_the_code_nothing_is_open_and_nothing_is_told(app: Flask, nobody: FlaskClient) -> None:
    give_factor(app)
    assert first_step(nobody, next="/accounts?page=2") == "/sign-in/code?next=/accounts?page%3D2"
    assert nobody.get("/").location == "/sign-in"
    assert nobody.get("/my-account").location == "/sign-in?next=/my-account"
    page = nobody.get("/sign-in/code?next=/accounts?page%3D2")
    assert ("Eze" in page.text, EVES in page.text) == (False, False)
    with app.app_context():
        assert db.session.scalars(select(SignedInBrowser.key)).all() == []
    assert events(app) == ["second-factor-set-up"]
    assert second_step(nobody, code_at(NOW), next="/accounts?page=2") == (303, "/accounts?page=2")


def test_a_wrong_password_is_answered_alike_with_and_without_a_second_factor(app: Flask, nobody: FlaskClient) -> None:
    without = nobody.post("/sign-in", data={"username": EVES, "password": "wrong"})
    give_factor(app)
    with_one = nobody.post("/sign-in", data={"username": EVES, "password": "wrong"})
    assert (without.status_code, words(without)) == (with_one.status_code, words(with_one))


def test_a_recovery_code_stands_in_for_the_telephone_once(app: Flask, clock: FakeClock) -> None:
    codes = give_factor(app)
    typed = codes[3].lower().replace("-", " ")
    one, other = app.test_client(), app.test_client()
    for client in (one, other):
        first_step(client)
    assert second_step(one, recovery=typed) == (303, "/")
    assert second_step(other, recovery=codes[3]) == (422, "")
    assert second_step(other, recovery=codes[4]) == (303, "/")
    assert "Recovery codes left 8" in words(one.get(PAGE))
    assert events(app)[1:] == [
        "recovery-code-used", "signed-in", "second-factor-failed", "recovery-code-used", "signed-in"
    ]  # fmt: skip


def test_recovery_codes_and_keys_are_not_in_the_database_as_they_are(app: Flask) -> None:
    codes = give_factor(app)
    with app.app_context():
        kept = [
            *db.session.execute(select(SecondFactor.__table__)),
            *db.session.execute(select(RecoveryCode.__table__)),
        ]
    text = str(kept)
    assert SECRET not in text
    assert [code for code in codes if code in text or code.replace("-", "") in text] == []


def test_new_recovery_codes_end_the_old_ones(app: Flask, eve: FlaskClient, nobody: FlaskClient) -> None:
    old = give_factor(app)
    eve = browser(app, EVE)
    page = eve.post(f"{PAGE}/recovery-codes", data={"proof": "wrong"})
    assert (page.status_code, shown_codes(page.text)) == (422, [])
    fresh = shown_codes(eve.post(f"{PAGE}/recovery-codes", data={"proof": PASSWORD}).text)
    assert (len(fresh), events(app)[-1]) == (10, "recovery-codes-made")
    first_step(nobody)
    assert second_step(nobody, recovery=old[0])[0] == 422
    assert second_step(nobody, recovery=fresh[0])[0] == 303


def test_switching_it_off_asks_for_the_password_and_ends_every_other_session(app: Flask, nobody: FlaskClient) -> None:
    give_factor(app)
    eve, other = browser(app, EVE), browser(app, EVE)
    waiting = app.test_client()
    first_step(waiting)
    assert eve.post(f"{PAGE}/off", data={"proof": ""}).status_code == 422
    assert eve.post(f"{PAGE}/off", data={"proof": "wrong"}).status_code == 422
    assert eve.post(f"{PAGE}/off", data={"proof": PASSWORD}).location == "/my-account"
    assert (eve.get("/").status_code, other.get("/").location) == (200, "/sign-in")
    assert second_step(waiting, code_at(NOW))[1] == "/sign-in"
    assert first_step(nobody) == "/"
    assert events(app)[1:] == ["second-factor-switched-off", "signed-in"]
    assert eve.post(f"{PAGE}/off", data={"proof": PASSWORD}).status_code == 404


def test_the_password_cannot_be_guessed_by_the_pages_of_the_second_factor(app: Flask) -> None:
    give_factor(app)
    eve = browser(app, EVE)
    tries = [eve.post(f"{PAGE}/{page}", data={"proof": "wrong"}).status_code for page in ("off", "recovery-codes") * 6]
    assert tries == [422] * 10 + [429] * 2
    assert eve.post(f"{PAGE}/off", data={"proof": PASSWORD}).status_code == 429


def test_a_password_that_is_changed_keeps_the_code_and_ends_sign_ins_that_wait_for_one(
    app: Flask, nobody: FlaskClient, clock: FakeClock
) -> None:
    give_factor(app)
    waiting = app.test_client()
    for client in (nobody, waiting):
        first_step(client)
    second_step(nobody, code_at(NOW))
    fresh = "staple on a blue door"
    nobody.post("/my-account/password", data={"current": PASSWORD, "password": fresh, "again": fresh})
    assert "With a password and a code" in words(nobody.get("/my-account"))
    clock.pass_(seconds=30)
    assert second_step(waiting, code_at(clock.now))[1] == "/sign-in"
    again = app.test_client()
    answer = again.post("/sign-in", data={"username": EVES, "password": fresh})
    assert answer.location == STEP


def test_a_sign_in_that_waits_too_long_for_its_code_begins_again(
    app: Flask, nobody: FlaskClient, clock: FakeClock
) -> None:
    give_factor(app)
    first_step(nobody)
    clock.pass_(minutes=10)
    answer = nobody.get(f"{STEP}?next=/accounts")
    assert answer.location == "/sign-in?next=/accounts"
    assert "The sign-in took too long." in words(nobody.get(answer.location))
    first_step(nobody)
    with app.app_context():
        assert len(db.session.scalars(select(HalfSignIn.key)).all()) == 1, "those that are too old are forgotten"


def test_codes_are_tried_ten_times_in_a_quarter_of_an_hour(app: Flask, nobody: FlaskClient, clock: FakeClock) -> None:
    codes = give_factor(app)
    first_step(nobody)
    assert [second_step(nobody, "000000")[0] for _ in range(11)] == [422] * 10 + [429]
    fresh = app.test_client()
    first_step(fresh)
    assert second_step(fresh, code_at(NOW))[0] == 429, "another sign-in brings no other tries"
    assert second_step(fresh, recovery=codes[0])[0] == 429
    assert events(app).count("second-factor-failed") == 10
    assert events(app).count("sign-in-throttled") == 1
    clock.pass_(minutes=16)
    first_step(fresh)
    assert second_step(fresh, code_at(clock.now))[0] == 303


def test_a_blank_form_says_what_to_type(app: Flask, nobody: FlaskClient) -> None:
    give_factor(app)
    first_step(nobody)
    page = nobody.post(STEP, data={"code": " "})
    assert (page.status_code, "Type the code, or a recovery code." in words(page)) == (422, True)
    assert "second-factor-failed" not in events(app)
    page = nobody.post(STEP, data={"code": "000000"})
    assert WRONG in words(page)


def test_a_pupil_or_teacher_who_has_a_password_may_have_one_too(
    app: Flask, nobody: FlaskClient, tom: FlaskClient
) -> None:
    assert tom.get(PAGE).status_code == 404, "who only comes by Clever is asked for no code"
    assert "Second factor" not in words(tom.get("/my-account"))
    give_password(app, "tom@example.org")
    tom = browser(app, 3)
    assert tom.post(PAGE, data={"code": code_at(NOW, shown_key(tom)), "proof": PASSWORD}).status_code == 200
    assert first_step(nobody, "tom@example.org") == STEP


def test_a_second_factor_is_not_put_in_the_place_of_another(app: Flask) -> None:
    eve, later = browser(app, EVE), browser(app, EVE)
    mine, theirs = shown_key(eve), shown_key(later)
    assert eve.post(PAGE, data={"code": code_at(NOW, mine), "proof": PASSWORD}).status_code == 200
    with app.app_context():
        before = db.session.scalar(select(SecondFactor.secret))
    assert later.post(PAGE, data={"code": code_at(NOW, theirs), "proof": PASSWORD}).status_code == 303
    page = eve.post(PAGE, data={"code": code_at(NOW, theirs), "proof": PASSWORD})
    assert page.status_code == 422
    with app.app_context():
        assert db.session.scalar(select(SecondFactor.secret)) == before


def test_no_other_way_to_a_password_goes_round_the_code(
    app: Flask, ada: FlaskClient, nobody: FlaskClient, clock: FakeClock
) -> None:
    """A link of an administrator and a login card lead to a password, and its sign-in still asks for the code."""
    give_password(app, "tom@example.org")
    give_factor(app)
    give_factor(app, 3, "tom@example.org")
    fresh = "staple on a blue door"
    for account_id, name in ((EVE, EVES), (3, "tom@example.org")):
        path = link_in(ada.post(f"/accounts/{account_id}/password-link").text)
        nobody.post(path, data={"password": fresh, "again": fresh})
        assert nobody.get("/").status_code == 303, "choosing a password signs nobody in"
        answer = nobody.post("/sign-in", data={"username": name, "password": fresh})
        assert answer.location == STEP
    card = ada.post("/accounts/3/login-card", data={"days": "14"}).text
    shown = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", card)
    assert shown
    chosen = nobody.post("/login-card", data={"username": "tom@example.org", "code": shown[0]}).location
    nobody.post(chosen, data={"password": PASSWORD, "again": PASSWORD})
    assert first_step(nobody, "tom@example.org") == STEP


def test_both_steps_ask_for_the_token_of_their_form_and_begin_a_session_of_their_own(
    app: Flask, nobody: FlaskClient
) -> None:
    give_factor(app)
    app.config["WTF_CSRF_ENABLED"] = True
    attacker = app.test_client()
    attacker.get("/sign-in")
    with nobody.session_transaction() as victims, attacker.session_transaction() as planted:
        victims.update(planted)
    first = {"username": EVES, "password": PASSWORD, "csrf_token": token_in(nobody.get("/sign-in").text)}
    assert nobody.post("/sign-in", data=first).location == STEP
    with nobody.session_transaction() as session:
        waiting = dict(session)
    assert nobody.post(STEP, data={"code": code_at(NOW)}).status_code == 400
    second = {"code": code_at(NOW), "csrf_token": token_in(nobody.get(STEP).text)}
    assert nobody.post(STEP, data=second).location == "/"
    with nobody.session_transaction() as session:
        assert not set(waiting.values()) & set(session.values())
    assert attacker.get("/").location == "/sign-in"


def test_a_cookie_of_the_first_step_that_was_copied_is_worth_nothing_after_the_second(
    app: Flask, nobody: FlaskClient, clock: FakeClock
) -> None:
    give_factor(app)
    first_step(nobody)
    copied = nobody.get_cookie("sisportal")
    assert copied is not None
    thief = app.test_client()
    thief.set_cookie("sisportal", copied.value)
    second_step(nobody, code_at(NOW))
    clock.pass_(seconds=60)
    assert thief.get("/").location == "/sign-in"
    assert second_step(thief, code_at(clock.now))[1] == "/sign-in"


def test_what_names_a_sign_in_that_waits_is_not_a_session_nor_the_other_way_round(
    app: Flask, nobody: FlaskClient
) -> None:
    give_factor(app)
    first_step(nobody)
    with nobody.session_transaction() as session:
        session["_user_id"] = session["half"]
    assert nobody.get("/").location == "/sign-in"
    eve = browser(app, EVE)
    with eve.session_transaction() as session:
        session["half"] = session["_user_id"]
    assert second_step(eve, code_at(NOW))[1] == "/sign-in"


def test_the_code_of_one_account_opens_no_other(app: Flask, nobody: FlaskClient) -> None:
    give_password(app, "tom@example.org")
    codes = give_factor(app)
    with app.app_context():
        other = second_factor.set_up(
            db.engine, app.extensions["cipher"], Who("tom@example.org", 3), OTHER, code_at(NOW, OTHER, steps=-1), NOW
        )
    first_step(nobody, "tom@example.org")
    assert second_step(nobody, code_at(NOW))[0] == 422
    assert second_step(nobody, recovery=codes[0])[0] == 422
    assert second_step(nobody, recovery=other[0])[0] == 303


def test_a_session_that_ended_while_a_form_was_typed_is_told_of_after_both_steps(
    app: Flask, nobody: FlaskClient, clock: FakeClock
) -> None:
    give_factor(app)
    first_step(nobody)
    second_step(nobody, code_at(NOW))
    clock.pass_(minutes=61)
    nobody.post("/accounts/3/archive", headers={"Referer": "http://localhost/accounts/3"})
    assert first_step(nobody, next="/accounts/3") == f"{STEP}?next=/accounts/3"
    assert second_step(nobody, code_at(clock.now), next="/accounts/3") == (303, "/accounts/3")
    assert "Nothing was changed by it" in words(nobody.get("/accounts/3"))


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1"])
def test_no_step_leads_to_another_site(app: Flask, nobody: FlaskClient, target: str) -> None:
    give_factor(app)
    assert first_step(nobody, next=target) == STEP
    assert "evil" not in nobody.get(f"{STEP}?next={quote(target)}").text
    assert second_step(nobody, code_at(NOW), next=target) == (303, "/")


def token_in(text: str) -> str:
    return text.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]
