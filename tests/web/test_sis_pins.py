"""Pinned fields: the list of what the portal keeps of its own, the file, and the release."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from sisportal.models import AccountLink, AuditEvent, Pin, RecordKind, Sync
from sisportal.syncing.pins import edited
from sisportal.syncing.review import Who
from tests.web.conftest import NOW
from tests.web.mirrored import NORTH, SOUTH, Mirrored, rows_of, student, teacher
from tests.web.watching import queries, words

PINS = "/admin/sis/clever/pins"


@pytest.fixture
def mirrored(app: Flask) -> Mirrored:
    return Mirrored.of(app)


def pin(mirrored: Mirrored, source_id: str, field: str, here: str, sis: str, **values: object) -> None:
    """A stored pin, as ``syncing.pins`` computes it."""
    given = {
        "connection_id": 1, "record": "account", "record_id": 4, "source_id": source_id, "type": "student",
        "school": NORTH, "label": f"Name {source_id}", "search": f"name {source_id} {field} ada", "field": field,
        "last": sis, "here": here, "sis": sis, "since": NOW, "editor": "ada@example.org",
    }  # fmt: skip
    with mirrored.engine.begin() as connection:
        connection.execute(insert(Pin), [given | values])


@pytest.fixture
def four(mirrored: Mirrored) -> Mirrored:
    """Four pins of three records: of a student of each school, and of a teacher."""
    pin(mirrored, "a", "last_name", "Here", "There")
    pin(mirrored, "a", "email", "=cmd@example.org", "a@example.org")
    pin(mirrored, "b", "last_name", "Berg", "Beck", school=SOUTH, record_id=5, both=True, last="Bell")
    pin(mirrored, "t", "organization", 1, 2, type="teacher", record_id=6, last=2, editor="", since=None)  # type: ignore[arg-type]
    return mirrored


def test_the_list_tells_each_field_what_it_hides_and_since_when(ada: FlaskClient, four: Mirrored) -> None:
    answer = ada.get(PINS)

    assert [row.split()[1] for row in rows_of(answer)] == ["a", "a", "b", "t"]
    text = words(answer)
    assert "Last name Here There 3 Nov 2026, 13:05 by ada@example.org" in text
    assert "Last name Berg Beck Changed there too It was Bell. The next sync asks which to keep." in text
    assert "Organization North High South High Not known" in text
    assert "4 pinned fields" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("field=last_name", ["a", "b"]),
        ("type=teacher", ["t"]),
        (f"school={SOUTH}", ["b"]),
        ("q=NAME+a+email", ["a"]),
        ("both=yes", ["b"]),
        ("field=nonsense&type=nonsense&school=nonsense", ["a", "a", "b", "t"]),
        ("sort=-name", ["t", "b", "a", "a"]),
        ("sort=field", ["a", "a", "b", "t"]),
        ("q=zzz", []),
    ],
)
def test_the_list_finds_what_the_address_asks_for(
    ada: FlaskClient, four: Mirrored, query: str, found: list[str]
) -> None:
    assert [row.split()[1] for row in rows_of(ada.get(f"{PINS}?{query}"))] == found


def test_an_empty_list_says_why(ada: FlaskClient, mirrored: Mirrored) -> None:
    assert "Nothing is pinned" in words(ada.get(PINS))
    assert "No pinned field matches" in words(ada.get(f"{PINS}?q=zzz"))


def test_one_pin_and_fifty_take_the_same_queries(app: Flask, ada: FlaskClient, mirrored: Mirrored) -> None:
    counts = []
    for numbers in (range(1), range(1, 50)):
        for number in numbers:
            pin(mirrored, f"s{number}", "organization", 1, 2, record_id=10 + number)  # type: ignore[arg-type]
        ada.get(PINS)
        with queries(app) as statements:
            ada.get(PINS)
        counts.append(len(statements))

    assert counts[0] == counts[1] <= 12


def test_the_file_holds_what_matches_and_no_formula(ada: FlaskClient, four: Mirrored) -> None:
    answer = ada.get(f"{PINS}.csv?type=student&field=email")

    lines = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert lines[0][4:7] == ["Field", "In the portal", "In the SIS"]
    assert lines[1:] == [
        ["student", "Name a", "a", "North High", "E-mail", "'=cmd@example.org", "a@example.org", "a@example.org", "no",
         "2026-11-03 13:05", "ada@example.org"]
    ]  # fmt: skip


@pytest.fixture
def edited_here(mirrored: Mirrored) -> dict[str, int]:
    """Two people whose names somebody changed here: ``source_id`` -> id of the pin."""
    for person in (student("a", "Abara"), teacher("t", "Eze")):
        account_id = mirrored.linked(person, last_name="By Hand")
        with mirrored.engine.begin() as connection:
            written = {"last_name": person.last_name}
            chosen = update(AccountLink).where(AccountLink.account_id == account_id)
            connection.execute(chosen.values(written=written))
            edited(connection, RecordKind.ACCOUNT, account_id, ["last_name"], Who("ada@example.org"), NOW)
    with mirrored.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(select(Pin.source_id, Pin.id))}


def left(mirrored: Mirrored) -> list[str]:
    with mirrored.engine.connect() as connection:
        return sorted(connection.scalars(select(Pin.source_id)))


def test_one_is_released_by_its_button(ada: FlaskClient, mirrored: Mirrored, edited_here: dict[str, int]) -> None:
    answer = ada.post(f"{PINS}/{edited_here['a']}/release", follow_redirects=True)

    assert "The field is released. The next sync proposes what Clever says; nothing has changed yet." in words(answer)
    assert left(mirrored) == ["t"]
    assert ada.post(f"{PINS}/{edited_here['a']}/release").status_code == 404


@pytest.mark.parametrize(("query", "kept"), [("", []), ("?type=teacher", ["a"]), ("?q=zzz", ["a", "t"])])
def test_all_that_match_are_released_at_once(
    ada: FlaskClient, mirrored: Mirrored, edited_here: dict[str, int], query: str, kept: list[str]
) -> None:
    assert f"Release {'all' if not query else 'the'}" in words(ada.get(PINS + query)) or kept == ["a", "t"]

    ada.post(f"{PINS}/release{query}")

    assert left(mirrored) == kept
    with mirrored.engine.connect() as connection:
        events = connection.scalars(select(AuditEvent.event).where(AuditEvent.event == "pins-released")).all()
    assert len(events) == (len(kept) < 2)


def test_what_cannot_be_released_now_says_why(
    ada: FlaskClient, mirrored: Mirrored, edited_here: dict[str, int]
) -> None:
    with mirrored.engine.begin() as connection:
        connection.execute(update(Sync).values(state="committing"))

    answer = ada.post(f"{PINS}/release", follow_redirects=True)

    assert "Sync 1 is being committed. Release the pins when it is done." in words(answer)
    assert left(mirrored) == ["a", "t"]


def test_a_viewer_sees_them_and_releases_none(
    ben: FlaskClient, mirrored: Mirrored, edited_here: dict[str, int]
) -> None:
    assert "Release" not in words(ben.get(PINS))
    assert ben.post(f"{PINS}/release").status_code == 403
    assert left(mirrored) == ["a", "t"]


def test_the_overview_counts_them(ada: FlaskClient, four: Mirrored) -> None:
    text = words(ada.get("/admin/sis/clever/overview"))
    assert "Pinned fields 4" in text
    assert "Changed there too 1" in text
