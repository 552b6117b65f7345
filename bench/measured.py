"""One measured run in a process of its own: ``python -m bench.measured FIGURE SOURCE DATABASE_URL`` prints JSON."""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import floor, product
from jobs import worker

Figures = dict[str, Any]


def _floor(sync: Callable[[Path, str], float]) -> Callable[[Path, str], Figures]:
    def run(source: Path, url: str) -> Figures:
        begun = time.process_time()
        return {"seconds": sync(source, url), "cpu_seconds": time.process_time() - begun}

    return run


FIGURES: dict[str, Callable[[Path, str], Figures]] = {
    "floor-first": _floor(floor.first_sync),
    "floor-unchanged": _floor(floor.unchanged_sync),
    "first": product.first_sync,
    "unchanged": product.unchanged_sync,
    "quick": product.quick_sync,
}


def main(figure: str, source: str, url: str) -> Figures:
    """The figures of one run, and the process's peak memory in bytes.

    What a worker has loaded and done when it begins a sync counts in its memory, not in its time.
    """
    worker.get_ready()
    figures = FIGURES[figure](Path(source), url)
    return figures | {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
