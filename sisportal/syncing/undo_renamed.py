"""What an action kept for its undo, its people and classes by the ids that their links have now (SPEC 7)."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from sisportal.roster.fields import Values
from sisportal.syncing.moved_ids import PEOPLE, SECTIONS, moved_since, renamed
from sisportal.syncing.undo_found import Undone
from sisportal.syncing.undo_log import Log


class Renamed(msgspec.Struct, frozen=True):
    """The ids of when a sync was committed, of those that later ones moved -> the ids of now.

    While an undo is applied, *now* is before it: what that moves itself is not among them.
    """

    people: Mapping[str, str]
    sections: Mapping[str, str]

    @classmethod
    def since(cls, connection: Connection, sync_id: int, kind: str) -> "Renamed":
        """What was moved since a sync."""
        return cls(moved_since(connection, sync_id, kind, PEOPLE), moved_since(connection, sync_id, kind, SECTIONS))

    def id_of(self, action: Undone) -> str:
        """The id that the action's record has now."""
        ids = self.people if action.collection == "people" else self.sections
        return ids.get(action.source_id, action.source_id)

    def action(self, action: Undone) -> Undone:
        """The action with everybody in a class by their ids of now; what its record was called stays."""
        if not self.people:
            return action
        roster = {part: [self.people.get(id_, id_) for id_ in ids] for part, ids in action.roster.items()}
        log = None if action.log is None else self.log(action.log)
        before, after = (self.written(values) for values in (action.before, action.after))
        return msgspec.structs.replace(action, before=before, after=after, roster=roster, log=log)

    def log(self, log: Log) -> Log:
        """The log with everybody in a class by their ids of now."""
        if not self.people:
            return log
        places = [[*each[:2], self.people.get(each[2], each[2]), *each[3:]] for each in log.places]
        link = log.link
        if isinstance(link, list):
            link = [link[0], self.written(link[1]), *link[2:]]
        return msgspec.structs.replace(log, places=places, link=link)

    def written(self, values: Values) -> Values:
        """Values of a class with its people by their ids of now."""
        return renamed(values, dict(self.people))
