"""Why an action was not applied: what its record holds now, beside what the plan had found."""

from sisportal.roster.fields import Values
from sisportal.syncing.explaining import LABELS, value_text

_BY_ID = frozenset({"organization", "organizations"})


def changed_meanwhile(sentence: str, held: Values, before: Values) -> str:
    """The sentence, and each field that is another now: ``Last name was Reed when it was planned, and is Reid now``."""
    moved = [name for name, value in before.items() if name in held and held[name] != value]
    return " ".join((sentence, *(_told(name, before[name], held[name]) for name in moved)))


def _told(name: str, was: object, now: object) -> str:
    label = LABELS.get(name, name)
    if name in _BY_ID:  # ids of organizations tell people nothing
        return f"{label} is another now."
    then, here = (value_text(name, value, {}, {}) or "blank" for value in (was, now))
    return f"{label} was {then} when it was planned, and is {here} now."
