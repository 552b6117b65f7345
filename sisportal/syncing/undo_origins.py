"""What an undo restores from: the action that each of its actions takes back, and what that one kept."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Text, select, type_coerce

from sisportal.roster.fields import Values
from sisportal.roster.undoing import written_back
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.held import decode_values
from sisportal.syncing.links import Link
from sisportal.syncing.matched import KEPT
from sisportal.syncing.outcomes import Stored
from sisportal.syncing.rows import chunks
from sisportal.syncing.undo_log import Log
from sisportal.syncing.undo_renamed import Renamed

_BESIDE = frozenset({"archived", "identifiers", "returns", "teachers"})


class Origin(msgspec.Struct, frozen=True):
    """The action that is taken back."""

    verb: str
    after: Values
    log: Log
    whole: bool
    """Whether the record is just as that action left it: then its link is put back as it was, else part by part."""

    @property
    def kept(self) -> Values:
        """Values of the SIS that a person chose not to take over."""
        kept: Values = self.after.get(KEPT, {})
        return kept


def read_origins(connection: Connection, actions: list[Stored], now: Renamed) -> dict[int, Origin]:
    """By the ids of the undo's actions; people by their ids of now."""
    evidence: dict[int, dict[str, Any]] = {}
    for ids in chunks((action.id for action in actions), 1_000):
        rows = connection.execute(select(ACTIONS.c.id, ACTIONS.c.evidence).where(ACTIONS.c.id.in_(ids)))
        evidence.update((row[0], row[1]) for row in rows)
    taken_back: dict[int, tuple[str, Values, Log]] = {}
    decode = msgspec.json.Decoder(Log).decode
    columns = (ACTIONS.c.id, ACTIONS.c.verb, type_coerce(ACTIONS.c.after, Text), type_coerce(ACTIONS.c.undo, Text))
    for ids in chunks((each["action"] for each in evidence.values()), 1_000):
        for row in connection.execute(select(*columns).where(ACTIONS.c.id.in_(ids))):
            taken_back[row[0]] = (row[1], decode_values(row[2]), now.log(decode(row[3])) if row[3] else Log())
    return {id_: Origin(*taken_back[each["action"]], each["whole"]) for id_, each in evidence.items()}


class Relinked(msgspec.Struct, frozen=True):
    """What becomes of the link of a record."""

    changed: bool
    source_id: str = ""
    """Blank: there is none from then on."""
    written: Values = {}
    mark: int | None = None
    released: Values = {}
    """What had been written of fields whose pin was released before the action: an edit pins them again."""


def relinked(origin: Origin, action: Stored, here: Link | None) -> Relinked:
    """The link as it was before the action that is taken back; as far as that one wrote it, where others did since."""
    if origin.log.link is None or origin.log.link is msgspec.UNSET:
        # An add keeps nothing of a link, for there was none.
        return Relinked(changed=origin.log.link is None or origin.verb == "add")
    source_id, written, mark, *more = origin.log.link
    released: Values = more[0] if more else {}
    if "identifiers" not in action.after:
        if here is None:
            return Relinked(changed=False)
        source_id = here.source_id
    if origin.whole:
        return Relinked(changed=True, source_id=source_id, written=written, mark=mark, released=released)
    if here is None:
        return Relinked(changed=True, source_id=source_id, written=written, released=released)
    names = {name for name in action.after if name not in _BESIDE} | origin.kept.keys()
    now = decode_values(here.released) if here.released else {}
    return Relinked(
        changed=True,
        source_id=source_id,
        written=written_back(decode_values(here.written), written, names),
        released=now | {name: value for name, value in released.items() if name in names},
    )


def link_conflict(action: Stored, links: dict[str, Link], kind: str, linked: dict[str, int]) -> str:
    """Why the link cannot be put back as planned; blank where it can. ``linked``: what ids are linked to now."""
    if "identifiers" not in action.after:
        return ""
    was, will = (side["identifiers"].get(kind, "") for side in (action.before, action.after))
    if (was and was not in links) or (not was and links):
        return "It is no longer linked to the record of the SIS that the plan found."
    if will and linked.get(will, action.target_id) not in {action.target_id, action.before.get("returns")}:
        return "The id that it had in the SIS is linked to another one now."
    return ""


def wanted_ids(actions: list[Stored], kind: str) -> set[str]:
    """The ids of the SIS that the actions link to."""
    return {action.after["identifiers"].get(kind, "") for action in actions if "identifiers" in action.after} - {""}


def concerned(action: Stored, kind: str) -> set[str]:
    """Every id of the SIS that an action is about."""
    sides = (side.get("identifiers", {}).get(kind, "") for side in (action.before, action.after))
    return {action.source_id, *sides} - {""}
