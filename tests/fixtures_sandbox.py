"""Fixtures: a small generated district behind a Clever API that tests can reach over HTTP."""

from collections.abc import Iterator

import pytest

from sisportal.sandbox.district import District
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served, serve


@pytest.fixture
def district() -> District:
    """Sixty students in three schools, the same ones every time."""
    return generate(60)


@pytest.fixture
def sandbox(district: District) -> Iterator[Served]:
    """The district served on a free port: ``.url``, ``.sandbox.token``, ``.sandbox.faults``, ``.sandbox.district``."""
    with serve(create_sandbox(district)) as served:
        yield served
