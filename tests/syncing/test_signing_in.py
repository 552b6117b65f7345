"""What signing in keeps, on both databases: browsers, links to choose a password, and whose account a person has."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pyotp
import pytest
from sqlalchemy import Connection, Engine, insert

from sisportal.models import Account, AccountLink, SisConnection
from sisportal.models.database import make_engine, writing
from sisportal.syncing import browser_sessions, half_sign_in, password_links, second_factor
from sisportal.syncing.administrators import Refused
from sisportal.syncing.clever_sso import Application, State, linked_account, standing
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.password_links import Purpose
from sisportal.syncing.review import Who

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)
NONE = Application("", "", "https://login.example", "https://api.example")
OURS = Application("portal", "secret", "https://login.example", "https://api.example")
CIPHER = Cipher("made-up")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A portal with Sue and Tom."""
    engine = make_engine(database_url)
    with writing(engine).begin() as connection:
        for id_, name in ((1, "sue"), (2, "tom")):
            values = {
                "id": id_,
                "role": "student",
                "roles": [],
                "organizations": [],
                "username": name,
                "created_at": NOW,
            }
            connection.execute(insert(Account).values(values))
    yield engine
    engine.dispose()


def signed_in(engine: Engine, token: str, now: datetime = NOW) -> str | None:
    with engine.connect() as connection:
        return connection.scalar(browser_sessions.signed_in(token, now).with_only_columns(Account.username))


def test_a_browser_is_signed_in_until_it_signs_out(engine: Engine) -> None:
    one, other = (browser_sessions.begin(engine, 1, "password", NOW) for _ in range(2))
    assert (signed_in(engine, one), signed_in(engine, other), signed_in(engine, "guess")) == ("sue", "sue", None)
    browser_sessions.end(engine, one)
    assert (signed_in(engine, one), signed_in(engine, other)) == (None, "sue")
    assert signed_in(engine, other, NOW + browser_sessions.LIFETIME) is None


def test_ending_everything_of_an_account_leaves_the_others(engine: Engine) -> None:
    sue, tom = (browser_sessions.begin(engine, id_, "clever", NOW) for id_ in (1, 2))
    with writing(engine).begin() as connection:
        browser_sessions.end_all(connection, [1, 999])
    assert (signed_in(engine, sue), signed_in(engine, tom)) == (None, "tom")


def test_a_link_gives_one_password_and_ends_the_sessions(engine: Engine) -> None:
    token = browser_sessions.begin(engine, 1, "clever", NOW)
    with writing(engine).begin() as connection:
        link = password_links.make(connection, 1, Purpose.SET, Who("a test"), NOW)
    assert link
    with pytest.raises(Refused):
        password_links.use(engine, link, "short", NOW)
    week = NOW + timedelta(days=7)
    assert password_links.use(engine, link, "a good long one", week) is None
    assert password_links.use(engine, link, "a good long one", NOW) == "sue"
    assert password_links.use(engine, link, "a good long one", NOW) is None
    assert signed_in(engine, token) is None


def test_a_person_has_the_account_that_the_first_of_their_ids_is_linked_to(engine: Engine) -> None:
    with writing(engine).begin() as connection:
        connect(connection)
        connection.execute(insert(AccountLink).values(connection_id=1, source_id="old", account_id=1, written={}))
        connection.execute(insert(AccountLink).values(connection_id=1, source_id="new", account_id=2, written={}))
        found = [linked_account(connection, 1, ids) for ids in (["new", "old"], ["gone", "old"], ["gone"], [])]
        elsewhere = linked_account(connection, 2, ["new"])
    assert [account.username if account else None for account in found] == ["tom", "sue", None, None]
    assert elsewhere is None


@pytest.mark.parametrize(
    ("values", "application", "expected"),
    [
        ({}, OURS, State.ON),
        ({"committed_sync_id": None}, OURS, State.BEFORE_COMMIT),
        ({"committed_sync_id": None, "options": {"sso": "yes"}}, OURS, State.ON),
        ({"options": {"sso": "no"}}, OURS, State.SWITCHED_OFF),
        ({"enabled": False}, OURS, State.DISABLED),
        ({}, NONE, State.NO_APPLICATION),
        ({"settings": {"client_id": "portal"}, "secrets": CIPHER.encrypt({"client_secret": "s"})}, NONE, State.ON),
        ({"settings": {"client_id": "portal"}, "secrets": "of another key"}, NONE, State.NO_APPLICATION),
        ({"district_id": ""}, OURS, State.NO_DISTRICT),
    ],
)
def test_whether_people_may_sign_in_with_clever(
    engine: Engine, values: dict[str, object], application: Application, expected: State
) -> None:
    with writing(engine).begin() as connection:
        assert standing(connection, CIPHER, application).state is State.NOT_CONNECTED
        connect(connection, **values)
        assert standing(connection, CIPHER, application).state is expected


def connect(connection: Connection, **values: object) -> None:
    """Clever, after its first commit."""
    usual = {
        "id": 1, "kind": "clever", "enabled": True, "settings": {}, "options": {}, "district_id": "d", "district": {},
        "others": {}, "committed_sync_id": 7, "mirror_stale": False, "options_version": 1, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    connection.execute(insert(SisConnection).values(usual | values))


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SUE = Who("sue", 1)


def at_once(use: Callable[[], bool], times: int = 4) -> int:
    """How many of those who do it in the same moment succeed."""
    barrier = threading.Barrier(times)

    def one(_: int) -> bool:
        barrier.wait()
        return use()

    with ThreadPoolExecutor(times) as pool:
        return sum(pool.map(one, range(times)))


def test_of_those_who_use_a_code_at_once_one_is_let_in(engine: Engine) -> None:
    earlier = NOW - timedelta(minutes=5)
    codes = second_factor.set_up(engine, CIPHER, SUE, SECRET, pyotp.TOTP(SECRET).at(earlier), earlier)
    for code in (pyotp.TOTP(SECRET).at(NOW), codes[0]):
        assert at_once(partial(second_factor.fits, engine, CIPHER, SUE, code, NOW)) == 1
    token = half_sign_in.begin(engine, 1, "password", NOW)
    assert at_once(lambda: half_sign_in.end(engine, token)) == 1


def test_of_two_set_ups_at_once_one_stands(engine: Engine) -> None:
    code = pyotp.TOTP(SECRET).at(NOW)

    def set_up() -> bool:
        try:
            return bool(second_factor.set_up(engine, CIPHER, SUE, SECRET, code, NOW))
        except Refused:
            return False

    assert at_once(set_up) == 1
    with engine.connect() as connection:
        assert second_factor.standing(connection, 1) == second_factor.Standing(NOW, 10)


def test_a_telephones_code_does_not_fit_where_its_key_cannot_be_read_and_a_recovery_code_does(engine: Engine) -> None:
    earlier = NOW - timedelta(minutes=5)
    codes = second_factor.set_up(engine, CIPHER, SUE, SECRET, pyotp.TOTP(SECRET).at(earlier), earlier)
    lost = Cipher("another secret key")
    assert not second_factor.fits(engine, lost, SUE, pyotp.TOTP(SECRET).at(NOW), NOW)
    assert second_factor.fits(engine, lost, SUE, codes[0], NOW)
