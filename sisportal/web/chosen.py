"""Choices of numbers in a form: a drop-down for each of some settings, all with the same list."""

from collections.abc import Collection, Iterable

from flask import request

WRONG = "Choose one of the list."


def chosen_numbers(names: Iterable[str], allowed: Collection[int]) -> tuple[dict[str, int], dict[str, str]]:
    """What was chosen, of those that the form has, and the message for each that is not in the list."""
    sent = {name: text for name in names if (text := request.form.get(name)) is not None}
    numbers = {str(number): number for number in allowed}
    chosen = {name: numbers[text] for name, text in sent.items() if text in numbers}
    return chosen, dict.fromkeys(sent.keys() - chosen.keys(), WRONG)
