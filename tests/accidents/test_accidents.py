"""Every accident of the drill, on a sample: each has a promise, and it holds. ``drill/`` says what happens in each."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from drill.__main__ import play
from drill.catalogue import ACCIDENTS, MODULES
from drill.copying import sample
from drill.scene import Base
from drill.stores import Files, databases
from tests.services.databases import DATABASES
from tests.services.postgres import Cluster


@pytest.fixture(scope="module", params=DATABASES)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """A portal that agrees with a district of sixty students, on each kind of database."""
    folder = tmp_path_factory.mktemp("base")
    if request.param == "sqlite":
        yield sample(folder, Files(folder))
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    with databases(cluster.url("postgres")) as made:
        yield sample(folder, made)


@pytest.mark.parametrize("name", ACCIDENTS)
def test_the_promise_is_kept(base: Base, name: str) -> None:
    assert play(ACCIDENTS[name], base).broken == ""


def test_every_promise_is_a_sentence_and_every_accident_has_one() -> None:
    assert len(ACCIDENTS) >= 37
    assert len(MODULES) == len(list(Path(str(MODULES[0].__file__)).parent.glob("accidents_*.py")))
    for each in ACCIDENTS.values():
        assert re.fullmatch(r"[A-Z].{20,160}\.", each.promise), each.promise
