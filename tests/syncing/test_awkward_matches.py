"""Two hundred awkward matches: nobody is merged wrongly, every doubtful one is held, and a person finishes them all."""

from collections.abc import Iterator

import pytest

from sisportal.models import Account, AccountLink, Action, SyncState
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve
from sisportal.syncing.deciding import Said, decide
from tests.syncing.portal import WHO, Portal

EACH = 26
KINDS = (
    "equal-names",
    "siblings",
    "recycled-number",
    "swapped-numbers",
    "number-twice",
    "shared-email",
    "blank-id",
    "certain",
)
HELD = {"recycled-number", "swapped-numbers", "number-twice"}
"""Those whose key leads to somebody who may be another. The rest are certain: linked, or new."""


@pytest.fixture
def district() -> District:
    return generate(len(KINDS) * EACH, awkward=False)


@pytest.fixture
def sandbox(district: District) -> Iterator[Served]:
    with serve(create_sandbox(district)) as served:
        yield served


@pytest.fixture
def cases(quick_portal: Portal, district: District) -> dict[str, list[Person]]:
    """By kind of awkwardness: the students, whose true accounts (by hand) are named ``true.`` and their id."""
    students = [p for p in district.people if p.student]
    found = {kind: students[at * EACH : (at + 1) * EACH] for at, kind in enumerate(KINDS)}
    for number, person in enumerate(students):  # names that have nothing in common
        person.first, person.last = (
            f"{LETTERS[number % 20]}{LETTERS[number // 20]}ra",
            f"{LETTERS[number // 20]}{LETTERS[number % 20]}berg",
        )
        person.as_student.number, person.as_student.birth_date = f"N{number:04d}", None
        person.as_student.preferred_first = None
    for kind, people in found.items():
        for at, person in enumerate(people):
            _make(quick_portal, kind, person, people[at ^ 1])
    return found


LETTERS = (
    "Ba", "Ce", "Di", "Fo", "Gu", "Ha", "Je", "Ki", "Lo", "Mu", "Na", "Pe", "Qui", "Ro", "Su", "Ta", "Ve", "Wi", "Xo", "Zu",
)  # fmt: skip


def _make(portal: Portal, kind: str, person: Person, neighbour: Person) -> None:
    """The account that the person really has, as awkward as its kind, and who else has what is theirs."""
    number = str(person.as_student.number)
    names = {"first_name": person.first, "last_name": person.last}
    match kind:
        case "equal-names":  # two people of one name: only the numbers tell them apart
            portal.add_account("student", f"namesake.{person.id}", student_id=f"other{number}", **names)
        case "siblings":
            sibling = names | {"first_name": "Sib"}
            portal.add_account("student", f"sibling.{person.id}", email=person.email or "", **sibling)
        case "recycled-number":
            portal.add_account("student", f"gone.{person.id}", first_name="Zyx", last_name="Wvut", student_id=number)
            return
        case "swapped-numbers":
            names |= {"student_id": str(neighbour.as_student.number)}
        case "number-twice":
            portal.add_account("student", f"twin.{person.id}", student_id=number, **names)
        case "shared-email":
            portal.add_account("student", f"family.{person.id}", email=person.email or "", last_name="Elsewhere")
        case "blank-id":
            person.as_student.number = None
            portal.add_account("student", f"blank.{person.id}", student_id="", first_name="Zyx", last_name="Wvut")
            return
    portal.add_account("student", f"true.{person.id}", **{"student_id": number} | names)


def test_nobody_is_merged_wrongly_and_every_doubtful_one_is_held(
    quick_portal: Portal, cases: dict[str, list[Person]]
) -> None:
    sync_id = quick_portal.prepare()

    actions = {
        row.source_id: row for row in quick_portal.rows(Action, Action.sync_id == sync_id, Action.type == "student")
    }
    held = {kind for kind, people in cases.items() for person in people if actions[person.id].held}
    assert held == HELD
    assert all(actions[person.id].held for kind in HELD for person in cases[kind])
    assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    linked = _linked(quick_portal)
    for kind in set(KINDS) - HELD:
        for person in cases[kind]:
            assert linked[person.id] == (
                f"true.{person.id}" if kind != "blank-id" else actions[person.id].after["username"]
            )
    assert all(person.id not in linked for kind in HELD for person in cases[kind])


def test_a_person_finishes_them_all_and_the_next_plan_asks_nothing(
    quick_portal: Portal, cases: dict[str, list[Person]]
) -> None:
    sync_id = quick_portal.prepare()
    usernames = {row.username: row.id for row in quick_portal.rows(Account)}

    for action in quick_portal.rows(Action, Action.sync_id == sync_id, Action.held != ""):
        true = usernames.get(f"true.{action.source_id}")
        said = Said(same=true) if true else Said(create=True)
        decide(quick_portal.engine, sync_id, action.id, said, WHO, quick_portal.now)

    assert quick_portal.sync(sync_id).held == []
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    linked = _linked(quick_portal)
    for kind, people in cases.items():
        for person in people:
            if kind in {"recycled-number", "blank-id"}:
                assert not linked[person.id].startswith(("true.", "gone.", "blank."))
            else:
                assert linked[person.id] == f"true.{person.id}"
    assert quick_portal.actions(quick_portal.prepare()) == {}


def _linked(portal: Portal) -> dict[str, str]:
    """``source_id`` -> username of the account that it is linked to."""
    names = {row.id: row.username for row in portal.rows(Account)}
    return {row.source_id: names[row.account_id] for row in portal.rows(AccountLink)}
