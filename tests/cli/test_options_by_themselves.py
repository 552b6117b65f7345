"""What the options for sign-in, versions, guards and for what runs by itself do, and their opposite, by the command line."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sisportal.config import Settings, load
from sisportal.sandbox import edits
from tests.cli.town import Town

Case = Callable[[Town], Any]


@pytest.fixture
def settings(sqlite_store_url: str) -> Settings:
    """A portal that Clever knows as an application."""
    folder = sqlite_store_url.removeprefix("sqlite:///").rpartition("/")[0]
    given = {"DATA_DIR": folder, "DATABASE_URL": sqlite_store_url, "SECRET_KEY": "made-up"}
    return load(given | {"CLEVER_CLIENT_ID": "client", "CLEVER_CLIENT_SECRET": "secret"}, env_file=None)


def ids_of_the_version(town: Town) -> Any:
    """Whether somebody with several roles is linked by the one id of 3.x, or by the one that earlier versions gave a role."""
    teacher = next(p for p in town.district.people if p.teacher and p.teacher.legacy_id != p.id)
    town.sync()
    ids = {each["identifiers"].get("clever") for each in town.export()["accounts"]}
    return teacher.id in ids, teacher.as_teacher.legacy_id in ids


def clever_button(town: Town) -> bool:
    return "Sign in with Clever" in town.cli.app.test_client().get("/sign-in").text


def sign_in(town: Town) -> Any:
    """Whether people may sign in with Clever: before a first commit, and after it."""
    town.set_up()
    town.cli.run("sis", "prepare", "clever")
    before = clever_button(town)
    town.sync()
    return before, clever_button(town)


def few_leave(town: Town) -> Any:
    """Whether the deletes of half the students are held, whatever the share."""
    town.option("guard_deletes_percent", "100")
    town.sync()
    edits.mass_delete(town.district, 0.5)
    return "guard-deletes" in town.held()


def most_leave(town: Town) -> Any:
    town.sync()
    edits.mass_delete(town.district, 0.9)
    return "guard-deletes" in town.held()


def many_come(town: Town) -> Any:
    """Whether the adds are held where half as many students come as there are."""
    students = [person.id for person in town.district.people if person.student]
    edits.leave(town.district, *students[::3])
    town.sync()
    edits.come_back(town.district, *students[::3])
    return "guard-adds" in town.held()


def many_come_to_few(town: Town) -> Any:
    town.option("guard_adds_from", "1")
    return many_come(town)


def emptied(town: Town) -> Any:
    town.sync()
    section = next(s for s in town.district.sections if len(s.students) >= 5)
    for student in section.students[1:]:
        edits.withdraw(town.district, section.id, student)
    return "guard-class" in town.held()


def made_anew(town: Town) -> Any:
    """What becomes of half the students, who get other ids and are each said to be the same."""
    town.option("guard_class_percent", "100")
    town.sync()
    for person in [each for each in town.district.people if each.student and each.student.number][::2]:
        edits.leave(town.district, person.id)
        person.id = town.district.mint(person.created)
        town.district.put(person)
    sync = town.cli.answer("sis", "prepare", "clever", code=3)
    doubts = [each for each in town.cli.answer("sis", "actions", sync["id"]) if each["held"] == "linked-elsewhere"]
    for each in doubts:
        same = each["evidence"]["candidates"][0]["id"]
        town.cli.answer("sis", "decide", sync["id"], each["id"], "--same", same)
    held = {each["reason"] for each in town.cli.answer("sis", "report", sync["id"])["held"]}
    left = town.cli.run("sis", "commit", sync["id"], "--json").exit_code
    again = town.cli.answer("sis", "commit", sync["id"], "--release-held")
    return len(doubts) > 5, held, left, again["state"]


def starts(town: Town) -> Any:
    """Whether a sync starts by itself within a day, once."""
    return [len(town.clock(days=1)), len(town.clock(days=1))]


def commits(town: Town) -> Any:
    """What becomes of a sync that started by itself."""
    town.option("auto_sync", "04:30")
    (sync_id,) = town.clock(days=1)
    town.work(sync_id)
    sync = town.cli.answer("sis", "report", sync_id)
    return sync["state"], bool(town.export()["accounts"])


def is_told_that_none_succeeded(town: Town) -> Any:
    town.set_up()
    town.option("alarm_days", "0")
    town.option("auto_sync", "04:30")
    town.clock(days=1)
    town.clock(days=1, hours=12)
    return "silent" in town.told()


def is_told_of_old_data(town: Town) -> Any:
    town.set_up()
    town.district.today = datetime.now(UTC).date()
    town.sync()
    town.clock(days=30)
    return "silent" in town.told()


TABLE: list[tuple[str, Case, dict[str, Any]]] = [
    ("api_version", ids_of_the_version, {"3.1": (True, False), "2.1": (False, True)}),
    ("sso", sign_in, {"auto": (False, True), "yes": (True, True), "no": (False, False)}),
    ("auto_sync", starts, {"04:30": [1, 0], "off": [0, 0]}),
    ("auto_commit", commits, {"yes": ("committed", True), "no": ("prepared", False)}),
    ("alarm_hours", is_told_that_none_succeeded, {"1": True, "72": False}),
    ("alarm_days", is_told_of_old_data, {"7": True, "60": False, "0": False}),
    ("guard_deletes_count", few_leave, {"3": True, "50": False}),
    ("guard_deletes_from", most_leave, {"5": True, "1000": False}),
    ("guard_deletes_least", most_leave, {"3": True, "1000": False}),
    ("guard_adds_percent", many_come_to_few, {"25": True, "100": False}),
    ("guard_adds_from", many_come, {"5": True, "20": False}),
    ("guard_class_from", emptied, {"5": True, "1000": False}),
    (
        "guard_ids_percent",
        made_anew,
        {"5": (True, {"guard-ids"}, 3, "committed"), "100": (True, set(), 0, "committed")},
    ),
]


@pytest.mark.parametrize(
    ("option", "case", "value", "outcome"),
    [(option, case, value, outcome) for option, case, outcomes in TABLE for value, outcome in outcomes.items()],
    ids=lambda each: each.__name__ if callable(each) else str(each),
)
def test_an_option_does_what_it_says(town: Town, option: str, case: Case, value: str, outcome: Any) -> None:
    town.option(option, value)

    assert case(town) == outcome
