"""The figures as a table for people: ratios to the floor, the goals of SPEC 14, and whether they are met."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Figures = dict[str, Any]
Cells = tuple[str, ...]

FIRST_GOAL, UNCHANGED_GOAL, LINEAR_GOAL, QUICK_GOAL = 3.0, 2.0, 1.3, 0.05
MEMORY_GOALS = {10_000: 200, 100_000: 350}
"""Students -> megabytes that a worker may take at most."""
SMALLEST_JUDGED = 10_000
"""Below this what every sync costs, however small, outweighs the records."""
SMALLEST_JUDGED_QUICK = 100_000
"""Below this what a quick sync costs whatever it reads outweighs the changes."""
PAGE_GOALS = {"p95": 60.0, "queries": 12, "bytes": 200_000, "gzip_bytes": 30_000}
"""Of any page: milliseconds on the server, statements, bytes of HTML as they are and compressed."""
TICK, TICK_GOALS = "saving a tick", {"p95": 25.0}
BUSY = 0.8
"""A process that got less of the processor than this was waiting for others."""


class Line(NamedTuple):
    """One row of the table; ``met`` is None where there is no goal."""

    students: int
    what: str
    figure: str
    ratio: str = ""
    goal: str = ""
    met: bool | None = None


def sync_lines(sizes: list[Figures]) -> list[Line]:
    """The rows of every district, smallest first."""
    lines: list[Line] = []
    for number, figures in enumerate(sizes):
        lines += _of_district(figures, sizes[number - 1] if number else None)
    return lines


def sync_table(sizes: list[Figures]) -> str:
    """The rows of every district as a table."""
    heads = ("students", "what", "figure", "to the floor", "goal", "")
    return table(
        heads,
        [
            (f"{line.students:,}", line.what, line.figure, line.ratio, line.goal, _verdict(line))
            for line in sync_lines(sizes)
        ],
    )


def page_table(figures: Figures) -> str:
    """The pages of one district as a table: milliseconds on the server, statements, kilobytes of HTML."""
    heads = (f"page, {figures['students']:,} students held", "first", "p50", "p95", "queries", "kB", "kB gzip", "goals")
    return table(heads, [_page_cells(page) for page in figures["pages"]])


def unmet(page: Figures) -> list[str]:
    """Which goals a page misses."""
    goals = TICK_GOALS if page["what"] == TICK else PAGE_GOALS
    return [name for name, most in goals.items() if page[name] > most]


def table(heads: Cells, rows: list[Cells]) -> str:
    """A Markdown table, columns aligned."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (heads, rule, *rows)
    )


def _page_cells(page: Figures) -> Cells:
    verdict = f"not met: {', '.join(missed)}" if (missed := unmet(page)) else "met"
    times = (f"{page[name]:.1f} ms" for name in ("first", "p50", "p95"))
    sizes = (f"{page[name] / 1000:.1f}" for name in ("bytes", "gzip_bytes"))
    return (page["what"], *times, str(page["queries"]), *sizes, verdict)


def busy(sizes: list[Figures]) -> bool:
    """Whether others used the processors meanwhile, so that the seconds say less than they should."""
    runs = [run for figures in sizes for name in ("floor-first", "first") for run in figures["runs"][name]]
    return any(run["cpu_seconds"] < BUSY * run["seconds"] for run in runs)


def records_of(figures: Figures) -> int:
    """People, sections and enrolments."""
    held = figures["records"]
    return int(held["people"] + held["sections"] + held["enrollments"])


def _of_district(figures: Figures, smaller: Figures | None) -> Iterator[Line]:
    students, first, judged = figures["students"], figures["first"], figures["students"] >= SMALLEST_JUDGED
    yield _against_floor(figures, "first", "first sync, prepare and commit", FIRST_GOAL if judged else None)
    yield Line(students, "- prepare", _seconds(first["prepare_seconds"]))
    yield Line(students, "- commit", _seconds(first["commit_seconds"]))
    yield _against_floor(figures, "unchanged", "full sync with nothing changed", UNCHANGED_GOAL if judged else None)
    if "quick" in figures:
        yield _quick(figures)
    each = first["seconds"] / records_of(figures)
    yield Line(students, f"time per record ({records_of(figures):,} records)", f"{each * 1e6:.1f} µs")
    if smaller is not None:
        growth = each / (smaller["first"]["seconds"] / records_of(smaller))
        linear = smaller["students"] >= SMALLEST_JUDGED
        goal, met = (f"at most {LINEAR_GOAL} x", growth <= LINEAR_GOAL) if linear else ("", None)
        yield Line(students, f"- to that at {smaller['students']:,}", f"{growth:.2f} x", "", goal, met)
    yield _memory(figures)
    yield Line(students, "database", f"{figures['bytes'] / 1e6:.0f} MB")


def _against_floor(figures: Figures, name: str, what: str, goal: float | None) -> Line:
    taken, floor = figures[name], figures[f"floor-{name}"]
    ratio = taken["seconds"] / floor["seconds"]
    processor = f"{ratio:.2f} x (processor {taken['cpu_seconds'] / floor['cpu_seconds']:.2f} x)"
    wanted = f"at most {goal:g} x" if goal else ""
    return Line(
        figures["students"], what, _seconds(taken["seconds"]), processor, wanted, ratio <= goal if goal else None
    )


def _quick(figures: Figures) -> Line:
    """Compared with the full sync in which nothing changed, the cheapest of them."""
    quick, full = figures["quick"], figures["unchanged"]
    share = quick["seconds"] / full["seconds"]
    text = f"{share:.3f} of the full one (processor {quick['cpu_seconds'] / full['cpu_seconds']:.3f})"
    judged = figures["students"] >= SMALLEST_JUDGED_QUICK
    goal, met = (f"at most {QUICK_GOAL:g}", share <= QUICK_GOAL) if judged else ("", None)
    return Line(figures["students"], "quick sync of 1 % changes", _seconds(quick["seconds"]), text, goal, met)


def _memory(figures: Figures) -> Line:
    peak = max(figures["first"]["peak_bytes"], figures["unchanged"]["peak_bytes"]) / 1e6
    limits = [limit for students, limit in MEMORY_GOALS.items() if students >= figures["students"] >= SMALLEST_JUDGED]
    goal, met = (f"at most {limits[0]} MB", peak <= limits[0]) if limits else ("", None)
    return Line(figures["students"], "memory of the worker, at its peak", f"{peak:.0f} MB", "", goal, met)


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _verdict(line: Line) -> str:
    return "" if line.met is None else "met" if line.met else "not met"
