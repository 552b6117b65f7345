"""`python -m drill`: plays every accident against a copy of the portal's data, and says which promises held."""

import argparse
import logging
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drill.catalogue import ACCIDENTS, Accident
from drill.copying import NothingToCopy, base_of, sample
from drill.scene import Base, staged
from drill.stores import OWN_SERVER, Stores, stores
from sisportal.config import ConfigError, Settings, load


@dataclass(frozen=True)
class Result:
    """What came of one accident."""

    accident: Accident
    broken: str
    """Why the promise is broken; blank where it held."""
    seconds: float


def play(accident: Accident, base: Base) -> Result:
    """Let it happen in a scene of its own."""
    begun, broken = time.monotonic(), ""
    with tempfile.TemporaryDirectory(prefix="drill-") as name, staged(base, Path(name)) as scene:
        try:
            accident.play(scene)
        except AssertionError as error:
            broken = str(error).split("\n", 1)[0] or "the promise does not hold"
        except Exception as error:  # noqa: BLE001 - whatever it is, the promise did not hold, and the others are still to be played
            traceback.print_exc()
            broken = f"{type(error).__name__}: {error}".split("\n", 1)[0]
    return Result(accident, broken, time.monotonic() - begun)


def base(folder: Path, stores: Stores, students: int | None) -> tuple[Base, str]:
    """What is played on, and in words what that is: the portal's own data, the demonstration's, or a sample."""
    if students is None:
        for settings in _portals():
            try:
                return base_of(settings.database_url, folder, stores), f"a copy of the portal in {settings.data_dir}"
            except NothingToCopy:
                continue
    students = students or 60
    return sample(folder, stores, students), f"a sample district of {students:,} students"


def _portals() -> list[Settings]:
    """The portal of this folder, and the demonstration beside it, where they are."""
    own = load(os.environ)
    demo = own.data_dir / "demo"
    found = [own] if not own.database_url.startswith("sqlite") or _file(own).exists() else []
    if (demo / "portal.sqlite3").exists():
        found.append(
            load({**os.environ, "DATA_DIR": str(demo), "DATABASE_URL": f"sqlite:///{demo / 'portal.sqlite3'}"})
        )
    return found


def _file(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


def table(results: Sequence[Result]) -> str:
    """The results as aligned text."""
    rows = [("accident", "", "promise")]
    rows += [(each.accident.name, "BROKEN" if each.broken else "held", each.accident.promise) for each in results]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows]
    for number, each in reversed(list(enumerate(results, 1))):
        if each.broken:
            lines.insert(number + 1, f"{'':<{widths[0]}}  {'':<{widths[1]}}  -> {each.broken}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m drill", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--sample", type=int, metavar="STUDENTS", help="a generated district instead of the portal's data"
    )
    parser.add_argument("--only", default="", metavar="WORDS", help="only accidents whose name has these words")
    parser.add_argument(
        "--on",
        metavar="SERVER",
        help=f"not on SQLite but on a PostgreSQL server: its address, or {OWN_SERVER!r} for one of the drill's own",
    )
    asked = parser.parse_args(arguments)
    chosen = [each for each in ACCIDENTS.values() if asked.only in each.name]
    if not chosen:
        print(f"No accident is called {asked.only!r}. There are: {', '.join(ACCIDENTS)}.", file=sys.stderr)
        return 2
    try:
        results = drilled(chosen, asked.sample, asked.on)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    broken = sum(bool(each.broken) for each in results)
    print(table(results))
    print(f"\n{len(results) - broken} promises held, {broken} broken.")
    return 1 if broken else 0


def drilled(chosen: Sequence[Accident], students: int | None, on: str | None) -> list[Result]:
    """Play them, each on a copy; ``on``: where the copies are, as ``stores`` takes it. Raises ``ConfigError``."""
    with tempfile.TemporaryDirectory(prefix="drill-") as name, stores(on, Path(name)) as kept:
        played_on, words = base(Path(name), kept, students)
        where = " on PostgreSQL" if on else ""
        print(f"{len(chosen)} accidents{where} on {words}. Nothing is written to the original.\n", flush=True)
        return [play(each, played_on) for each in chosen]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # what stages say to the log of an accident is as it should be
    sys.exit(main())
