"""Commit by itself: a sync that was asked for so is committed once it is prepared, where nothing waits for a person.

One that the schedule started is committed as far as nothing is held.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from sisportal.models import Account, Sync
from sisportal.syncing import notices
from sisportal.syncing.states import ASKED

AUTO_COMMIT = "auto_commit"
"""In the request of a sync: commit it without a review, unless a guard or a doubtful match holds something."""
UNSURE_STATES = frozenset({"paused", "error", "pending"})
"""What a district may say of itself: its data is then not believed without a person (SPEC 5)."""


def why_not(held: Sequence[Mapping[str, Any]], district_state: str, planned: int = 0, *, in_part: bool = False) -> str:
    """Why a prepared sync is not committed by itself, as a sentence; blank where nothing speaks against it.

    ``in_part``: what nothing holds is committed although the rest is held (SPEC 8.3), where there is any of it.
    """
    number = sum(each["count"] for each in held)
    if number and not (in_part and number < planned):
        are = "change is" if number == 1 else "changes are"
        return f"It was not committed by itself: {number:,} {are} held until a person has decided."
    if district_state in UNSURE_STATES:
        return f"It was not committed by itself: the SIS says of the district that it is {district_state}."
    return ""


def ask(connection: Connection, sync_id: int, now: datetime) -> None:
    """Note that the sync is to be committed: in the transaction that ends its prepare, so that no kill comes between.

    The worker is told by the caller; where that fails, recovery does it, as for a commit that a person asked for.
    """
    statement = (
        select(Sync.started_by, Sync.automatic, Account.username)
        .outerjoin(Account, Account.id == Sync.started_by)
        .where(Sync.id == sync_id)
    )
    row = connection.execute(statement).one()
    values = {"stage": ASKED, "heartbeat_at": now, "committed_by": row.started_by}
    connection.execute(update(Sync).where(Sync.id == sync_id).values(values))
    actor = row.username or (notices.SCHEDULE if row.automatic else "command line")
    notices.record(
        connection, "commit-asked", f"sync {sync_id}", now, actor=actor, actor_id=row.started_by, how="by itself"
    )
