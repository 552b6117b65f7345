"""What signing in keeps, on both databases: browsers, links to choose a password, and whose account a person has."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, insert

from sisportal.models import Account, AccountLink, SisConnection
from sisportal.models.database import make_engine, writing
from sisportal.syncing import browser_sessions, password_links
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
