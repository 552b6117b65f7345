"""Links as a commit finds them: which account or class a record of the SIS is, and what was last written of it."""

import msgspec
from sqlalchemy import Connection, Table, Text, select, type_coerce

from sisportal.roster.fields import Values
from sisportal.syncing.among import among
from sisportal.syncing.held import decode_values
from sisportal.syncing.outcomes import Stored


class Link(msgspec.Struct, frozen=True):
    """One link."""

    source_id: str
    target_id: int
    written: str
    mark: int | None = None
    """``written_fingerprint``."""
    released: str | None = None
    """JSON of what had been written of released fields (``syncing.released``)."""


class Links:
    """The links of one batch of actions."""

    def __init__(self, links: list[Link]) -> None:
        self._of_source = {link.source_id: link for link in links}
        self._of_target = {link.target_id: link for link in links}

    def agrees(self, action: Stored) -> bool:
        """Whether the link is as the plan found it: there, or, of an action that makes one, not there."""
        linked, target = self._of_source.get(action.source_id), self._of_target.get(action.target_id or 0)
        if "identifiers" not in action.after:
            return linked is not None and linked.target_id == action.target_id
        if linked is not None:
            return linked.target_id == action.target_id
        planned = next(iter(action.before.get("identifiers", {}).values()), "")
        return (target.source_id if target is not None else "") == planned

    def before(self, action: Stored) -> Link | None:
        """The link that the action changes, moves or makes: as it is now, where there is one."""
        return self._of_source.get(action.source_id) or self._of_target.get(action.target_id or 0)

    def written(self, action: Stored) -> Values:
        """What was last written of the action's record, or, where its link moves, of the account or class that has it."""
        linked = self.before(action)
        return {} if linked is None else decode_values(linked.written)


def read_links(connection: Connection, table: Table, connection_id: int, actions: list[Stored]) -> Links:
    """The links of the actions' records and, where an action makes a link, of its account or class.

    ``table`` is ``ACCOUNT_LINKS`` or ``CLASS_LINKS``.
    """
    target = table.c.account_id if "account_id" in table.c else table.c.class_id
    statement = select(
        table.c.source_id,
        target,
        type_coerce(table.c.written, Text),
        table.c.written_fingerprint,
        type_coerce(table.c.released, Text),
    ).where(table.c.connection_id == connection_id)
    chosen = among(table.c.source_id, [action.source_id for action in actions])
    rows = list(connection.execute(statement.where(chosen)))
    if targets := [action.target_id for action in actions if "identifiers" in action.after]:
        rows += connection.execute(statement.where(among(target, targets)))
    return Links([Link(*row) for row in rows])
