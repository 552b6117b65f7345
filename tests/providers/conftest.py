"""What the providers' tests share: no waiting, a small served district, and sessions that answer from memory."""

from collections.abc import Iterator

import pytest
import stamina

from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Stamina keeps its attempts and drops its pauses."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture(scope="module")
def serving() -> Iterator[Served]:
    """The server of a whole test file."""
    with serve(create_sandbox(generate(60))) as served:
        yield served


@pytest.fixture
def served(serving: Served) -> Iterator[Served]:
    """Sixty students in three schools; faults and the log of requests are gone after the test."""
    serving.sandbox.calls.clear()
    yield serving
    serving.sandbox.faults.clear()
