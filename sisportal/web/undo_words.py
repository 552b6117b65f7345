"""Which syncs were undone, as history, report and home page show it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Sync, SyncState
from sisportal.syncing.words import total_of
from sisportal.web.sync_words import COMMITTED


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of a sync that was undone."""

    by: int
    """Its newest committed undo."""
    whole: bool
    """Whether that took everything back: nothing was kept, unticked or in conflict."""
    again: int | None
    """The undo that took that one back."""

    @property
    def stands(self) -> bool:
        """Whether nothing of the sync is left to undo."""
        return self.whole and self.again is None

    def __str__(self) -> str:
        word = "Undone" if self.whole else "Partly undone"
        return f"{word} by sync {self.by}" + (f", which sync {self.again} undid." if self.again else ".")


def undos_of(connection_ids: Collection[int]) -> dict[int, Undone]:
    """Sync -> what became of it, of the syncs of these connections that were undone."""
    committed = (Sync.connection_id.in_(connection_ids), Sync.undoes_id.is_not(None), Sync.state.in_(COMMITTED))
    newest = {undo.undoes_id: undo for undo in db.session.scalars(select(Sync).where(*committed).order_by(Sync.id))}
    return {
        undone_id: Undone(undo.id, _is_whole(undo), newest[undo.id].id if undo.id in newest else None)
        for undone_id, undo in newest.items()
        if undone_id is not None
    }


def _is_whole(undo: Sync) -> bool:
    left = sum(total_of(undo.counts, outcome) for outcome in ("unticked", "conflict", "failed"))
    return undo.state == SyncState.COMMITTED and not left and not undo.request.get("kept")
