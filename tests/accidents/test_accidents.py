"""Every accident of the drill, on a sample: each has a promise, and it holds. ``drill/`` says what happens in each."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from drill.__main__ import play
from drill.catalogue import ACCIDENTS, MODULES
from drill.copying import base_of, sample, typed
from drill.scene import Base
from drill.stores import Files, databases
from sisportal.models.database import make_engine
from sisportal.sandbox.generator import generate
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import serve
from tests.services.databases import DATABASES
from tests.services.postgres import Cluster
from tests.syncing.portal import Portal


@pytest.fixture(scope="module", params=DATABASES)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """A portal that agrees with a district of sixty students; and on PostgreSQL, a copy of one that syncs one school of two."""
    folder = tmp_path_factory.mktemp("base")
    if request.param == "sqlite":
        yield sample(folder, Files(folder))
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    with databases(cluster.url("postgres")) as made:
        yield base_of(of_one_school(folder), folder, made)


def of_one_school(folder: Path) -> str:
    """The address of a portal that syncs one school of two."""
    url = Files(folder).new()
    typed(url, folder, "check")  # makes the tables
    engine, district = make_engine(url), generate(120, schools=2)
    with serve(create_sandbox(district)) as served, stamina.set_testing(True):
        portal = Portal(engine, served)
        portal.connect(district.schools.ids[0])
        portal.sync_all()
    engine.dispose()
    return url


@pytest.mark.parametrize("name", ACCIDENTS)
def test_the_promise_is_kept(base: Base, name: str) -> None:
    assert play(ACCIDENTS[name], base).broken == ""


def test_every_promise_is_a_sentence_and_every_accident_has_one() -> None:
    assert len(ACCIDENTS) >= 37
    assert len(MODULES) == len(list(Path(str(MODULES[0].__file__)).parent.glob("accidents_*.py")))
    for each in ACCIDENTS.values():
        assert re.fullmatch(r"[A-Z].{20,160}\.", each.promise), each.promise
