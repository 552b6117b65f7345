"""Any district reads alike by REST 1.1, by REST 1.2, and from CSV packages of both versions."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sisportal.providers.oneroster_csv import open_csv
from sisportal.roster.records import Collection
from tests.providers.canned import gathered
from tests.providers.oneroster_district import (
    NOW,
    YEAR,
    District,
    Row,
    class_,
    district,
    enrollment,
    package,
    session,
    user,
)
from tests.providers.oneroster_server import Server, reading

ORGS = ["d-1", "s-1", "s-2"]
names = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters='"'), min_size=1, max_size=8).map(
    str.strip
)
texts = st.sampled_from(["", "Ada, Countess", 'the "first"', "Zoë", "李", "O'Hara", "-", "0"]) | names
statuses = st.sampled_from(["active"] * 8 + ["tobedeleted"])
roles = st.sampled_from(["student"] * 6 + ["teacher"] * 3 + ["guardian", "parent", "aide", "administrator"])
days = st.dates(date(2025, 1, 1), date(2028, 12, 31)).map(str) | st.just("")
places = st.lists(st.sampled_from(ORGS), min_size=1, max_size=3, unique=True)


@st.composite
def users(draw: st.DrawFn, number: int) -> Row:
    return user(
        f"u-{number}", draw(roles), " ".join(draw(places)), draw(texts), draw(texts), status=draw(statuses),
        middleName=draw(texts), identifier=draw(st.sampled_from(["", "1", "2", "3"])), email=draw(st.sampled_from(["", "a@x.test"])),
        grades=draw(st.lists(st.sampled_from(["09", "10", "KG"]), max_size=2)),
        userIds=draw(st.lists(st.tuples(st.sampled_from(["SIS", "State ID", "LDAP"]), st.sampled_from(["7", "8"])), max_size=3)),
    )  # fmt: skip


@st.composite
def districts(draw: st.DrawFn) -> District:
    content: District = {"orgs": district()["orgs"], "courses": district()["courses"]}
    content["academicSessions"] = [
        session(f"t-{number}", draw(texts), "term", *sorted((draw(days), draw(days)))) for number in range(3)
    ]
    terms = st.lists(st.sampled_from(["t-0", "t-1", "t-2", "t-9"]), max_size=3, unique=True).map(" ".join)
    content["users"] = [draw(users(number)) for number in range(draw(st.integers(1, 6)))]
    content["classes"] = [
        class_(
            f"c-{number}", draw(texts), draw(texts), draw(st.sampled_from(["crs-1", "crs-9"])), draw(st.sampled_from(ORGS)), draw(terms),
            status=draw(statuses), periods=draw(st.lists(st.sampled_from(["1", "2"]), max_size=2)),
        )
        for number in range(draw(st.integers(1, 4)))
    ]  # fmt: skip
    content["enrollments"] = [
        enrollment(
            f"e-{number}", f"c-{draw(st.integers(0, 4))}", f"u-{draw(st.integers(0, 6))}", draw(roles),
            primary=draw(st.booleans()), status=draw(statuses), endDate=draw(days),
        )
        for number in range(draw(st.integers(1, 12)))
    ]  # fmt: skip
    content["demographics"] = [
        {"id": f"u-{number}", "birthDate": draw(days), "sex": draw(st.sampled_from(["male", "female", "other", ""]))}
        for number in draw(st.sets(st.integers(0, 5)))
    ]
    return content


def told(provider: Any) -> Any:
    got = gathered(provider)
    records = {kind: sorted(got.records.get(kind, []), key=lambda one: one.source_id) for kind in Collection}
    problems = {(one.code, one.type, one.external_id, one.field) for one in got.problems}
    seals = {kind: (seal.complete, seal.reason, seal.distinct) for kind, seal in got.seals.items()}
    return records, problems, seals, got.others


@settings(max_examples=40, deadline=None)
@given(districts())
def test_every_way_tells_the_same(content: District) -> None:
    usual = told(reading(Server(content, totals=False)))
    assert told(reading(Server(content, version="1.2", totals=False))) == usual
    with tempfile.TemporaryDirectory() as folder:
        for version in ("1.1", "1.2"):
            path = package(Path(folder) / f"{version}.zip", content, version)
            assert told(open_csv(path, clock=lambda: NOW, **YEAR)) == usual
