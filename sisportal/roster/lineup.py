"""The order of a class's teachers where both the SIS and a person here have a say (SPEC 6.6)."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

T = TypeVar("T", int, str)


def lineup(
    here: Sequence[T], last: Sequence[T], sis: Sequence[T], new: AbstractSet[T], leaving: AbstractSet[T]
) -> tuple[list[T], bool]:
    """The teachers from now on, and whether that is an order of a person's, against the one that the SIS wants now.

    ``here``: who teaches now; ``last``: as a sync last wrote them; ``sis``: as it wants them.

    An order that a person set stays, and whoever is new comes behind. Whoever a person put in besides those of the SIS
    comes behind these, where the person did not say otherwise; whoever a person took out stays out.
    """
    wanted: list[T] = [each for each in sis if each in new or each in here]
    away = (new | leaving) - {*wanted}
    stay = [each for each in here if each not in away]
    written = [each for each in last if each in here]
    if list(here[: len(written)]) == written:
        return wanted + [each for each in stay if each not in wanted], False
    kept = stay + [each for each in wanted if each not in stay]
    return kept, kept[: len(wanted)] != wanted
