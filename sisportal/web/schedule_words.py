"""What runs by itself, as pages show it: when the next sync comes, how the last one went, and what is silent."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Alarm, Schedule, SisConnection, Sync
from sisportal.roster.daily import due, next_run
from sisportal.roster.options import Options
from sisportal.syncing import connections, running
from sisportal.syncing.explaining import day
from sisportal.syncing.waiting_undo import waiting_undo
from sisportal.web import sync_words
from sisportal.web.portal import enabled_apps, now, time_zone

OVERDUE = timedelta(minutes=5)
"""So long after its time a run that nobody has begun, and that waits for none, means that the clock does not run."""


@dataclass(frozen=True, slots=True)
class ByItself:
    """Automatic sync of one connection."""

    on: bool
    rule: str
    """When what is done, in a sentence."""
    next: str = ""
    """When the next run comes, in words: ``tomorrow at 04:30``; blank where none comes."""
    off_because: str = ""
    """Why the portal itself switched it off."""
    put_off_by: int | None = None
    """The undo that waits for review, and that keeps syncs from starting by themselves meanwhile."""
    overdue: str = ""
    """The run that should have begun and has not, in words; blank where none is."""
    last: Sync | None = None
    """The newest automatic sync."""
    last_state: str = ""
    last_result: str = ""
    """What came of it, in words."""
    alarms: list[str] = field(default_factory=list)


def by_itself(connection: SisConnection, newest: Sync | None, last: Sync | None) -> ByItself:
    """How automatic sync of the connection stands; ``newest``: its newest sync of any kind, ``last``: the last automatic one."""
    options = connections.stored_options(connection.options, connection.kind)
    runs = connection.enabled and connection.kind in enabled_apps()
    row, silent = schedules([connection.id])[connection.id]
    state = running.standing(last, now()).state if last else ""
    has_time = options.auto_sync is not None and runs
    put_off_by = waiting_undo(db.session.connection(), connection.id, now()) if has_time else None
    return ByItself(
        on=options.auto_sync is not None,
        rule=_rule(options, row),
        next=when(next_run(options.auto_sync, time_zone(), now())) if options.auto_sync is not None and runs else "",
        off_because=row.off_because if row and options.auto_sync is None else "",
        put_off_by=put_off_by,
        overdue=_overdue(options, row, newest) if runs and put_off_by is None else "",
        last=last,
        last_state=state,
        last_result=_result(last) if last else "",
        alarms=silent if runs else [],
    )


def schedules(connection_ids: list[int]) -> dict[int, tuple[Schedule | None, list[str]]]:
    """Of some connections: how far their schedules have come, and what is silent, in the words that people were told."""
    found: dict[int, tuple[Schedule | None, list[str]]] = {}
    lasts = (Alarm.connection_id == SisConnection.id) & Alarm.ended_at.is_(None)
    statement = (
        select(SisConnection.id, Schedule, Alarm)
        .outerjoin(Schedule, Schedule.connection_id == SisConnection.id)
        .outerjoin(Alarm, lasts)
        .where(SisConnection.id.in_(connection_ids))
        .order_by(SisConnection.id, Alarm.kind)
    )
    for id_, schedule, alarm in db.session.execute(statement):
        _, texts = found.setdefault(id_, (schedule, []))
        if alarm is not None:
            texts.append(alarm.text)
    return found


def alarms_of(schedule: Schedule | None, silent: list[str]) -> list[str]:
    """Everything about a connection that should worry somebody, as sentences of their own."""
    off = [f"Automatic sync is off. {schedule.off_because}"] if schedule and schedule.off_because else []
    return [*silent, *off]


def when(moment: datetime) -> str:
    """A moment near now on the portal's clock: ``today at 04:30``, ``tomorrow at 04:30``, ``on 4 Nov 2026 at 04:30``."""
    there, today = moment.astimezone(time_zone()), now().astimezone(time_zone()).date()
    names = {today - timedelta(days=1): "yesterday", today: "today", today + timedelta(days=1): "tomorrow"}
    return f"{names.get(there.date(), f'on {day(there.date())}')} at {there:%H:%M}"


def _rule(options: Options, row: Schedule | None) -> str:
    if options.auto_sync is None:
        since = f" It was switched off {when(row.set_at)}." if row else ""
        return f"Nothing is read by itself: somebody starts each sync.{since}"
    then = "and committed as far as nothing is held" if options.auto_commit else "and waits for a person to commit it"
    return f"Every day at {options.auto_sync:%H:%M} ({time_zone().key}) a sync is prepared {then}."


def _result(sync: Sync) -> str:
    number = sync_words.changes(sync)
    done = "applied" if sync.state in sync_words.COMMITTED else "planned"
    changes = f"{number:,} {'change' if number == 1 else 'changes'} {done}." if sync.prepared_at else ""
    return " ".join(part for part in (changes, sync.note) if part)


def _overdue(options: Options, row: Schedule | None, newest: Sync | None) -> str:
    if options.auto_sync is None or row is None or (newest is not None and running.standing(newest, now()).busy):
        return ""
    found = due(options.auto_sync, time_zone(), row.handled_until, now())
    return when(found.start) if found.start is not None and now() - found.start > OVERDUE else ""
