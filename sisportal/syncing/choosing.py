"""Of fields that were changed both here and in the SIS: whose value counts, for all at once or field by field (SPEC 6.6)."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, update

from sisportal.models import Action
from sisportal.models.database import writing
from sisportal.syncing.deciding import decidable, record_said, settle_held
from sisportal.syncing.local_edits import TEACHERS
from sisportal.syncing.matched import KEPT, ORDER
from sisportal.syncing.replanning import known
from sisportal.syncing.review import Who, require_open
from sisportal.syncing.states import NotAllowed

Side = Literal["sis", "portal"]
SAID = "said"
"""In the evidence of an action of which something is still to be said: field -> side, of what was said."""


def choose_value(
    engine: Engine,
    sync_id: int,
    action_id: int,
    from_sis: bool | AbstractSet[str],  # noqa: FBT001 - it is what is asked
    who: Who,
    now: datetime,
) -> None:
    """Of all fields in question, take the SIS's values, or keep the portal's for good.

    ``from_sis``: the fields of which the SIS's value counts; True for all, False for none. Raises ``NotAllowed``.
    """
    with writing(engine).begin() as connection:
        action, both = _asked(connection, sync_id, action_id)
        taken = (frozenset(both) if from_sis else frozenset()) if isinstance(from_sis, bool) else from_sis
        _apply(connection, action, {field: "sis" if field in taken else "portal" for field in both}, who, now)


def choose_fields(
    engine: Engine, sync_id: int, action_id: int, side: Side, fields: Iterable[str], who: Who, now: datetime
) -> list[str]:
    """Of some of the fields in question, take one side's value; the fields of which it is still to be said.

    The action stays held until it was said of each. Raises ``NotAllowed``, also for a field that is not in question.
    """
    with writing(engine).begin() as connection:
        action, both = _asked(connection, sync_id, action_id)
        named = list(dict.fromkeys(fields))
        if unknown := [field for field in named if field not in both]:
            raise NotAllowed(
                f"Not changed on both sides: {', '.join(unknown)}. In question: {', '.join(sorted(both))}."
            )
        said: dict[str, Side] = action.evidence.get(SAID, {}) | dict.fromkeys(named, side)
        left = [field for field in both if field not in said]
        if left:
            values = {"evidence": action.evidence | {SAID: said}, "decided_by": who.id}
            connection.execute(update(Action).where(Action.id == action_id).values(values))
            record_said(connection, sync_id, action, "value-chosen", who, now, fields=sorted(named), value=side)
        else:
            _apply(connection, action, said, who, now)
        return sorted(left)


def chosen_values(action: Row[Any], from_sis: AbstractSet[str]) -> dict[str, Any]:
    """The columns of an action whose fields were changed on both sides, once it is said which of them the SIS wins."""
    both: dict[str, list[Any]] = action.evidence["both"]
    taken, kept = [field for field in both if field in from_sis], [field for field in both if field not in from_sis]
    before = action.before | {field: both[field][1] for field in taken}
    after = action.after | {field: both[field][2] for field in taken}
    if kept:
        after[KEPT] = {field: both[field][2] for field in kept}
    value = "mixed" if taken and kept else "sis" if taken else "portal"
    evidence = {"rule": "chosen", "value": value, "both": both, "sis": taken}
    values = {"before": before, "after": after, "evidence": evidence, "held": ""}
    if TEACHERS in both:
        values["roster"] = action.roster | {ORDER: ["sis" if TEACHERS in taken else "portal"]}
    return values


def _asked(connection: Connection, sync_id: int, action_id: int) -> tuple[Row[Any], dict[str, list[Any]]]:
    """The action, and its fields in question with their three values."""
    require_open(connection, sync_id)
    action = decidable(connection, sync_id, action_id)
    both: dict[str, list[Any]] = action.evidence.get("both", {})
    if not both:
        raise NotAllowed(f"Nothing of action {action_id} was changed both here and in the SIS.")
    return action, both


def _apply(connection: Connection, action: Row[Any], said: Mapping[str, Side], who: Who, now: datetime) -> None:
    plan = known(connection, action.sync_id)
    values = chosen_values(action, {field for field, side in said.items() if side == "sis"}) | {"decided_by": who.id}
    connection.execute(update(Action).where(Action.id == action.id).values(values))
    settle_held(connection, plan)
    value = values["evidence"]["value"]
    record_said(connection, action.sync_id, action, "value-chosen", who, now, fields=sorted(said), value=value)
