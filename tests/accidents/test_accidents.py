"""Every accident of the drill, on a sample: each has a promise, and it holds. ``drill/`` says what happens in each."""

import re
from pathlib import Path

import pytest

from drill.__main__ import play
from drill.catalogue import ACCIDENTS, MODULES
from drill.copying import sample
from drill.scene import Base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A portal that agrees with a district of sixty students."""
    return sample(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("name", ACCIDENTS)
def test_the_promise_is_kept(base: Base, name: str) -> None:
    assert play(ACCIDENTS[name], base).broken == ""


def test_every_promise_is_a_sentence_and_every_accident_has_one() -> None:
    assert len(ACCIDENTS) >= 37
    assert len(MODULES) == len(list(Path(str(MODULES[0].__file__)).parent.glob("accidents_*.py")))
    for each in ACCIDENTS.values():
        assert re.fullmatch(r"[A-Z].{20,160}\.", each.promise), each.promise
