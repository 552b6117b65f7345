"""What the forms of accounts and classes share: numbers that were sent, and what differs from the record as it is now."""

from flask import request

from sisportal.roster.fields import Values
from sisportal.syncing.explaining import LABELS, value_text
from sisportal.web.record_words import organization_names, organizations_in


def number_of(text: str) -> int | None:
    """A whole number that was sent as text; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def chosen(name: str) -> set[int]:
    """The numbers of every box of this name that was ticked."""
    numbers = {number_of(text) for text in request.form.getlist(name)}
    return {number for number in numbers if number is not None}


def differences(held: Values, entered: Values) -> list[tuple[str, list[str]]]:
    """Rows of (label, [as it is now, as it was sent]) of the fields that differ."""
    names = organization_names(organizations_in(held, entered))
    return [
        (LABELS[name], [value_text(name, side.get(name), names, {}) for side in (held, entered)])
        for name in entered
        if held.get(name) != entered[name]
    ]
