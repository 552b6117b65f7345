"""``python -m bench``: measures, prints the table, writes the figures as JSON to ``bench/results/``."""

import argparse
import json
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.report import busy, page_table, sync_table
from bench.runs import RunFailed, measure_district, record
from bench.stores import PostgresStores, SqliteStores, Stores

RESULTS = Path(__file__).parent / "results"
BUSY_NOTE = "Other programs used the processors meanwhile: the ratios of processor time say more than those of seconds."


def main(arguments: list[str]) -> int:
    """Measure as asked; 1 where something is wrong. Speed never is."""
    asked = _parse(arguments)
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        stores = PostgresStores(asked.database_url) if asked.database_url else SqliteStores(Path(folder))
        try:
            figures = measure(asked.sizes, asked.runs, stores, csv=asked.csv)
        except RunFailed as failure:
            _say(f"Something is wrong, so nothing is measured. {failure}")
            return 1
    print(figures["table"])
    _say(f"Figures: {_keep(figures)}")
    return 0


def measure(sizes: list[int], runs: int, stores: Stores, *, csv: bool = False) -> dict[str, Any]:
    """Every figure of every district, and the table. Raises ``RunFailed``."""
    districts = []
    for students in sorted(sizes):
        _say(f"{students:,} students: making up the district")
        with record(students, csv=csv) as source:
            districts.append(measure_district(students, source, stores, runs, _say))
    if busy(districts):
        _say(BUSY_NOTE)
    tables = [sync_table(districts), *(page_table(figures) for figures in districts if figures["pages"])]
    return {
        "on": f"{'OneRoster CSV, ' if csv else ''}{stores.kind}, Python {platform.python_version()}, {platform.machine()}",
        "at": datetime.now(UTC).isoformat(),
        "table": "\n\n".join(tables),
        "districts": districts,
    }


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--sizes", type=_sizes, default=[1_000, 10_000], help="students, with commas: 1000,10000,100000"
    )
    parser.add_argument("--runs", type=int, default=3, help="how many runs the medians are of")
    parser.add_argument(
        "--csv",
        action="store_true",
        help="the district as a OneRoster CSV package instead of Clever's pages; syncs alone",
    )
    parser.add_argument("--database-url", default="", help="PostgreSQL instead of SQLite; it makes schemas of its own")
    return parser.parse_args(arguments)


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _keep(figures: dict[str, Any]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(figures, indent=1))
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
