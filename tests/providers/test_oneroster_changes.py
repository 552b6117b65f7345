"""Only what changed: by date through REST, and by delta files of a CSV package."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sisportal.providers.base import ProviderError
from sisportal.providers.oneroster_csv import open_csv
from sisportal.roster.records import Batch, Collection, Seal
from tests.providers.canned import BOTH, Gathered, gathered, json_answer
from tests.providers.oneroster_district import NOW, YEAR, District, Row, class_, district, enrollment, package, user
from tests.providers.oneroster_held import HeldRecords
from tests.providers.oneroster_server import Server, reading

SINCE = datetime(2026, 9, 20, tzinfo=UTC)
LATELY = "2026-09-20T10:00:00.000Z"


@pytest.fixture(scope="module")
def usual() -> Gathered:
    return gathered(reading(Server()))


def named(content: District, kind: str, id_: str) -> Row:
    return next(row for row in content[kind] if row["id"] == id_)


def changed() -> District:
    """The district after a day: a new name, a leaver, a joiner, a teacher more, a class more, a class less."""
    content = district()
    named(content, "users", "st-1").update(familyName="Lovelace", when=LATELY)
    named(content, "users", "st-8").update(status="tobedeleted", when=LATELY)
    named(content, "users", "tea-3").update(role="administrator", when=LATELY)
    content["users"].append(user("st-9", "student", "s-1", "Ada9", "Byron", when=LATELY))
    named(content, "enrollments", "e-11").update(status="tobedeleted", when=LATELY)  # e-31 keeps st-1 in c-1
    named(content, "enrollments", "e-12").update(status="tobedeleted", when=LATELY)
    named(content, "enrollments", "e-18").update(status="tobedeleted", when=LATELY)
    content["enrollments"] += [
        enrollment("e-71", "c-2", "st-9", when=LATELY),
        enrollment("e-72", "c-2", "tea-2", "teacher", primary=True, when=LATELY),
        enrollment("e-73", "c-5", "st-9"),
    ]
    named(content, "classes", "c-4").update(title="Reading aloud", when=LATELY)
    named(content, "classes", "c-3").update(status="tobedeleted", when=LATELY)
    content["classes"].append(class_("c-5", "Fencing", "", "crs-2", "s-1", "t-1", when=LATELY))
    named(content, "demographics", "st-2").update(birthDate="2011-11-11", when=LATELY)
    return content


def changes(server: Server, usual: Gathered) -> list[Batch | Seal]:
    return list(reading(server).changes_since(SINCE, items=BOTH, held=HeldRecords(usual)))


def removed(steps: list[Batch | Seal], kind: Collection) -> list[str]:
    return sorted(id_ for step in steps if isinstance(step, Batch) and step.collection is kind for id_ in step.removed)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("most", [10_000, 2])
def test_changes_are_what_a_full_reading_would_give_and_nothing_more(usual: Gathered, version: str, most: int) -> None:
    steps = changes(Server(changed(), version=version, most=most), usual)
    got, full = Gathered(steps), gathered(reading(Server(changed(), version=version)))
    for kind, ids in {
        Collection.PEOPLE: {"st-1", "st-9", "st-2"},
        Collection.SECTIONS: {"c-1", "c-2", "c-4", "c-5"},
    }.items():
        whole = {one.source_id: one for one in full.records[kind]}
        assert {one.source_id: one for one in got.records[kind]} == {id_: whole[id_] for id_ in ids}
    assert removed(steps, Collection.PEOPLE) == ["st-8", "tea-3"]
    assert removed(steps, Collection.SECTIONS) == ["c-3"]
    assert got.problems == []


def test_the_seals_of_changes_are_not_complete_and_give_no_reason(usual: Gathered) -> None:
    got = Gathered(changes(Server(changed()), usual))
    assert {kind: (seal.complete, seal.reason) for kind, seal in got.seals.items()} == {
        Collection.SCHOOLS: (True, ""),
        Collection.TERMS: (True, ""),
        Collection.COURSES: (False, ""),
        Collection.PEOPLE: (False, ""),
        Collection.SECTIONS: (False, ""),
    }


def test_changes_are_asked_for_with_a_day_to_spare(usual: Gathered) -> None:
    server = Server(changed())
    changes(server, usual)
    assert any(
        "/users?limit=2000&offset=0&filter=dateLastModified>'2026-09-19T00:00:00.000Z'" in call for call in server.asked
    )


def test_nothing_changed_is_believed_where_the_source_understands_the_question(usual: Gathered) -> None:
    got = Gathered(changes(Server(), usual))
    assert [got.records.get(kind, []) for kind in (Collection.PEOPLE, Collection.SECTIONS)] == [[], []]


def test_only_the_rosters_that_somebody_left_are_read_again(usual: Gathered) -> None:
    server = Server(changed())
    changes(server, usual)
    again = [call.split("?")[0] for call in server.asked if call.startswith("/schools/")]
    assert sorted(set(again)) == ["/schools/s-1/classes/c-1/enrollments", "/schools/s-1/classes/c-5/enrollments"]


def test_where_single_rosters_are_not_offered_all_are_read(usual: Gathered) -> None:
    missing = {"/schools/s-1/classes/c-1/enrollments", "/schools/s-1/classes/c-5/enrollments"}
    got = Gathered(changes(Server(changed(), missing=missing), usual))
    assert got.records == Gathered(changes(Server(changed()), usual)).records


def reject(_: str, row: dict[str, Any]) -> dict[str, Any]:
    del row["dateLastModified"]
    return row


class Deaf(Server):
    """Answers every filter with nothing."""

    def _rows(self, path: str, name: str, kind: str, filter: str) -> list[dict[str, Any]]:
        return [] if filter else super()._rows(path, name, kind, filter)


def changed_terms() -> District:
    content = changed()
    content["academicSessions"][1]["endDate"] = "2026-12-22"
    return content


@pytest.mark.parametrize(
    "server",
    [
        Server(changed(), filters=False),
        Server(changed(), bent=reject),
        Deaf(changed()),
        Server(changed(), shuffles=10_000, most=1),
        Server(changed_terms()),
        Server(changed(), bent=lambda kind, row: row | ({"dateLastModified": "soon"} if kind == "users" else {})),
    ],
    ids=["ignores the filter", "tells no dates", "answers nothing", "keeps no order", "terms changed", "odd dates"],
)
def test_where_it_is_not_certain_what_changed_everything_has_to_be_read(server: Server, usual: Gathered) -> None:
    with pytest.raises(ProviderError) as failed:
        changes(server, usual)
    assert failed.value.code == "not-filtered"
    assert failed.value.message.endswith("everything has to be read.")


def test_a_source_that_refuses_filters_is_read_in_full(usual: Gathered) -> None:
    server = Server(changed())
    real = server._list

    def refusing(path: str, name: str, query: dict[str, str]) -> Any:
        return json_answer({}, 400) if "filter" in query else real(path, name, query)

    server._list = refusing  # type: ignore[method-assign]  # this one server refuses
    with pytest.raises(ProviderError) as failed:
        changes(server, usual)
    assert failed.value.code == "not-filtered"


# --- files


def delta_of(content: District) -> dict[str, list[Row]]:
    """What changed, as delta files have it: the whole record with its status and date."""
    rows = {
        kind: [row | {"status": row.get("status", "active")} for row in content[kind] if row.get("when") == LATELY]
        for kind in ("users", "classes", "enrollments", "demographics")
    }
    rows["enrollments"].append(enrollment("e-73", "c-5", "st-9", status="active", when=LATELY))
    return rows


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_delta_files_are_laid_over_what_is_held(usual: Gathered, tmp_path: Path, version: str) -> None:
    content = changed()
    named(content, "enrollments", "e-31").update(when=LATELY)  # st-1's other enrollment, which keeps the place
    path = package(tmp_path / "delta.zip", delta_of(content), version, "delta")
    steps = list(open_csv(path, held=HeldRecords(usual), clock=lambda: NOW, **YEAR).fetch(items=BOTH))
    got, full = Gathered(steps), gathered(reading(Server(content)))
    for kind, ids in {
        Collection.PEOPLE: {"st-1", "st-9", "st-2"},
        Collection.SECTIONS: {"c-1", "c-2", "c-4", "c-5"},
    }.items():
        whole = {one.source_id: one for one in full.records[kind]}
        assert {one.source_id: one for one in got.records[kind]} == {id_: whole[id_] for id_ in ids}
    assert removed(steps, Collection.PEOPLE) == ["st-8", "tea-3"]
    assert removed(steps, Collection.SECTIONS) == ["c-3"]
    assert {kind: (seal.complete, seal.reason) for kind, seal in got.seals.items()} == {
        Collection.PEOPLE: (False, ""),
        Collection.SECTIONS: (False, ""),
    }


def test_files_may_be_whole_or_changes_each_for_itself(usual: Gathered, tmp_path: Path) -> None:
    content = district()
    content["enrollments"] = [
        enrollment("e-71", "c-2", "st-7", status="active", when=LATELY),
        enrollment("e-99", "c-77", "st-7", status="active", when=LATELY),
    ]
    path = package(tmp_path / "mixed.zip", content, enrollments="delta")
    got = gathered(open_csv(path, held=HeldRecords(usual), clock=lambda: NOW, **YEAR))
    sections = {one.source_id: one for one in got.records[Collection.SECTIONS]}
    assert sections["c-2"].students == ("st-1", "st-2", "st-3", "st-7")
    assert sections["c-1"].students == tuple(f"st-{number}" for number in range(1, 9))
    assert all(seal.complete for seal in got.seals.values())
    assert [(one.code, one.external_id) for one in got.problems] == [("unknown-section", "c-77")]


def test_changes_of_rosters_need_a_portal_that_holds_the_rosters(tmp_path: Path) -> None:
    path = package(tmp_path / "delta.zip", delta_of(changed()), mode="delta")
    with pytest.raises(ProviderError, match="Read everything once first"):
        gathered(open_csv(path, clock=lambda: NOW, **YEAR))
