"""What the table says of figures."""

from typing import Any

from bench.report import busy, sync_lines, table, unmet


def district(
    students: int, *, first: float, floor: float, unchanged: float = 1.0, quick: float = 0.01, peak: int = 100
) -> dict[str, Any]:
    def figure(seconds: float) -> dict[str, float]:
        return {
            "seconds": seconds, "cpu_seconds": seconds, "prepare_seconds": seconds / 2, "commit_seconds": seconds / 2,
            "peak_bytes": peak * 1_000_000,
        }  # fmt: skip

    figures = {"floor-first": floor, "first": first, "floor-unchanged": 1.0, "unchanged": unchanged, "quick": quick}
    return {
        "students": students,
        "bytes": students * 1000,
        "records": {"people": students, "sections": students // 5, "enrollments": students * 6},
        "runs": {name: [figure(seconds)] for name, seconds in figures.items()},
        **{name: figure(seconds) for name, seconds in figures.items()},
    }


def verdicts(*sizes: dict[str, Any]) -> dict[tuple[int, str], bool]:
    lines = sync_lines(list(sizes))
    return {(line.students, line.what): line.met for line in lines if line.met is not None}


def test_each_goal_is_met_or_not() -> None:
    small = district(10_000, first=2.9, floor=1.0, unchanged=2.1, peak=199)
    large = district(100_000, first=40.0, floor=10.0, unchanged=1.9, quick=0.1, peak=351)
    assert verdicts(small, large) == {
        (10_000, "first sync, prepare and commit"): True,
        (10_000, "full sync with nothing changed"): False,
        (10_000, "memory of the worker, at its peak"): True,
        (100_000, "first sync, prepare and commit"): False,
        (100_000, "full sync with nothing changed"): True,
        (100_000, "quick sync of 1 % changes"): False,
        (100_000, "- to that at 10,000"): False,
        (100_000, "memory of the worker, at its peak"): False,
    }


def test_a_small_district_is_not_judged() -> None:
    assert verdicts(district(1_000, first=9.0, floor=1.0, unchanged=9.0, peak=900)) == {}


def test_time_per_record_counts_people_sections_and_enrolments() -> None:
    lines = sync_lines([district(10_000, first=0.72, floor=1.0)])
    assert [line.figure for line in lines if line.what == "time per record (72,000 records)"] == ["10.0 µs"]


def test_columns_of_the_table_are_aligned() -> None:
    assert table(("what", "figure"), [("short", "1 s"), ("longer words", "20 s")]).splitlines() == [
        "| what         | figure |",
        "| ------------ | ------ |",
        "| short        | 1 s    |",
        "| longer words | 20 s   |",
    ]


def test_a_page_misses_the_goals_that_it_is_above() -> None:
    most = {"p95": 60.0, "queries": 12, "bytes": 200_000, "gzip_bytes": 30_000}
    assert unmet({"what": "accounts", **most}) == []
    assert unmet({"what": "accounts", **{name: value + 1 for name, value in most.items()}}) == list(most)


def test_saving_a_tick_has_a_goal_of_its_own() -> None:
    tick = {"what": "saving a tick", "p95": 25.1, "queries": 13, "bytes": 1, "gzip_bytes": 1}
    assert unmet(tick) == ["p95"]


def test_a_busy_machine_is_noticed() -> None:
    figures = district(10_000, first=2.0, floor=1.0)
    assert not busy([figures])
    figures["runs"]["first"][0]["cpu_seconds"] = 1.0
    assert busy([figures])
