"""Texts that came before are known again, however many there are, and take little room."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from sisportal.providers.marks import Marks


@given(st.lists(st.text(max_size=3)))
def test_a_text_is_new_once(texts: list[str]) -> None:
    marks = Marks()
    seen: set[str] = set()
    for text in texts:
        assert marks.add(text) is (text not in seen)
        seen.add(text)
    assert len(marks) == len(seen)


def test_a_hundred_thousand_texts_are_told_apart_in_a_few_megabytes() -> None:
    tracemalloc.start()
    try:
        marks = Marks()
        new = [sum(marks.add(f"e-{number}") for number in range(100_000)) for _ in range(2)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (new, len(marks)) == ([100_000, 0], 100_000)
    assert peak < 4_000_000
