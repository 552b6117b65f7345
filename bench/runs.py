"""Runs each figure in processes of their own, the floor's and the portal's by turns, and takes the medians."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.package import is_package
from bench.stores import Stores

Figures = dict[str, Any]
Say = Callable[[str], None]

PAIRS = (("floor-first", "first"), ("floor-unchanged", "unchanged"))
"""Floor and figure, measured one after the other; an unchanged sync follows on the store that the first one filled."""
QUICK = "quick"
"""Of what a hundredth of the students changed to; compared with the full sync before it. Not of packages."""
MEDIAN_OF = ("seconds", "cpu_seconds", "prepare_seconds", "commit_seconds", "peak_bytes")


class RunFailed(Exception):
    """A measured process ended with an error, whose last words are the message."""


def child(module: str, *arguments: str) -> str:
    """What a module of the bench prints, run in a process of its own. Raises ``RunFailed``."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(f"{module} {arguments[0]}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def measure_district(students: int, source: Path, stores: Stores, runs: int, say: Say) -> Figures:
    """Every figure of a recorded district: medians of its syncs, and the portal's pages where it was recorded as pages."""
    taken: dict[str, list[Figures]] = {name: [] for pair in PAIRS for name in pair}
    taken |= {} if is_package(source) else {QUICK: []}
    size, pages = 0, []
    for run in range(runs):
        say(f"{students:,} students: run {run + 1} of {runs}")
        names = (f"floor-{run}", f"portal-{run}")
        addresses = [stores.address(name) for name in names]
        for pair in PAIRS:
            for figure, address in zip(pair, addresses, strict=True):
                taken[figure].append(json.loads(child("bench.measured", figure, str(source), address)))
        if QUICK in taken:
            taken[QUICK].append(json.loads(child("bench.measured", QUICK, str(source), addresses[1])))
        if run + 1 == runs:
            size = stores.size(names[1])
            if not is_package(source):
                say(f"{students:,} students: pages")
                pages = json.loads(child("bench.pages", str(source), addresses[1]))
        for name in names:
            stores.drop(name)
    figures: Figures = {name: _medians(rows) for name, rows in taken.items()}
    found = {"students": students, "bytes": size, "records": taken["first"][-1]["records"], "pages": pages}
    return figures | found | {"runs": taken}


@contextmanager
def record(students: int, *, csv: bool) -> Iterator[Path]:
    """A district of so many students: the folder of the pages that Clever answers, or a OneRoster CSV package."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        source = Path(folder) / ("roster.zip" if csv else "pages")
        child("bench.package" if csv else "bench.recording", str(students), str(source))
        yield source


def _medians(rows: list[Figures]) -> Figures:
    return {name: median(row[name] for row in rows) for name in MEDIAN_OF if name in rows[0]}
