"""``flask sis prepare``, ``report``, ``actions``, ``tick``, ``untick``, ``commit`` and ``discard``: a sync, step by step."""

from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select

from sisportal.commands.answers import note, print_json, print_json_list, print_table
from sisportal.commands.entry import ACTOR, CONNECTION, JSON, SYNC, Failed, NeedsAPerson, Portal, portal
from sisportal.commands.mail import note_mails
from sisportal.commands.oneroster import sis
from sisportal.models import ActionState, ActionType, SisConnection, SyncMode, SyncState, Verb
from sisportal.models.database import writing
from sisportal.syncing import commit as committing
from sisportal.syncing import notices, packages, running
from sisportal.syncing import prepare as preparing
from sisportal.syncing.audit_events import Event
from sisportal.syncing.connections import places
from sisportal.syncing.guarding import release_all
from sisportal.syncing.reports import action_json, actions_json, sync_json
from sisportal.syncing.review import OPEN, ActionFilter, Who
from sisportal.syncing.review import tick as tick_actions
from sisportal.syncing.settings import TIMEZONE, read_settings
from sisportal.syncing.since import BEGINNING, LAST, BadDay, asked_for
from sisportal.syncing.states import Busy, NotAllowed, move
from sisportal.syncing.takeover import await_silent

__all__ = ["sis"]  # with the commands of this module in it

WHO = Who(ACTOR)
PREPARE_AGAIN = frozenset({SyncState.SUPERSEDED, SyncState.EXPIRED})
ACTIONS = click.argument("action_ids", metavar="ACTION_ID...", nargs=-1, required=True, type=click.IntRange(min=1))


@sis.command("prepare")
@CONNECTION
@click.option("--full", is_flag=True, help="Read everything, which is what happens anyway.")
@click.option("--quick", is_flag=True, help="Read what changed since the last committed sync, where that can be told.")
@click.option("--since", metavar="DATE", help="Read what changed since a day, 2026-09-01, in the portal's time zone.")
@click.option("--school", "schools", metavar="ID", multiple=True, help="Plan this mapped school alone; repeatable.")
@click.option(
    "--keep-ticks",
    metavar="SYNC",
    type=click.IntRange(min=1),
    help="Decide as in this older plan, where it means the same.",
)
@click.option("--file", type=click.File("rb"), metavar="ZIP", help="Of csv: the OneRoster package to read.")
@JSON
def prepare(
    kind: str,
    full: bool,
    quick: bool,
    since: str | None,
    schools: tuple[str, ...],
    keep_ticks: int | None,
    file: IO[bytes] | None,
    as_json: bool,
) -> None:
    """Read the SIS and plan what would change; nothing does yet."""
    if [full, quick, since is not None].count(True) > 1:
        raise click.UsageError("Choose one of --full, --quick and --since.")
    here = portal()
    connection_id = here.connection_id(kind)
    _require_enabled(here, kind)
    mode, asked = _asked(here, since or (LAST if quick else BEGINNING))
    _require_mapped(here, connection_id, schools)
    await_silent(here.engine, connection_id, here.clock)
    if keep_ticks is not None:
        asked |= running.again(here.engine, connection_id, keep_ticks)
    if schools:
        asked["schools"] = list(schools)
    if file or (kind == "csv" and "file" not in asked):
        asked["file"] = _package(here, kind, connection_id, file)
        asked |= {packages.NAME: Path(file.name).name} if file else {}
    sync_id = preparing.request_sync(here.engine, connection_id, here.clock(), mode=mode, **asked)
    _record(here, sync_id, "sync-started")
    try:
        state = preparing.prepare(here.engine, sync_id, here.open_provider, here.clock)
    except Busy as error:
        _take_back(here, sync_id, str(error))
        raise
    found = print_sync(here, sync_id, as_json=as_json)
    if state is not SyncState.PREPARED:
        raise Failed(_with_commands(here, found))
    if found["held"]:
        number = _held_count(found)
        are = "change is" if number == 1 else "changes are"
        raise NeedsAPerson(f"{number:,} {are} held until a person decides: flask sis actions {sync_id}")


def _require_mapped(here: Portal, connection_id: int, schools: tuple[str, ...]) -> None:
    with here.engine.connect() as connection:
        mapped = places(connection, connection_id)
    if unmapped := [school for school in schools if school not in mapped]:
        raise Failed(f"These schools are not mapped: {', '.join(unmapped)}.")


def _package(here: Portal, kind: str, connection_id: int, file: IO[bytes] | None) -> str:
    """Where the portal keeps the file of the sync: a copy of the one given, else that of the newest sync."""
    if kind != "csv":
        raise click.UsageError("A --file is read by the connection csv alone.")
    if file is not None:
        return str(packages.keep(here.settings.data_dir, file))
    if kept := packages.newest(here.engine, connection_id):
        return kept
    raise click.UsageError("Give the OneRoster package with --file ZIP.")


def _asked(here: Portal, since: str) -> tuple[SyncMode, dict[str, Any]]:
    with here.engine.connect() as connection:
        zone = ZoneInfo(str(read_settings(connection)[TIMEZONE]))
    try:
        return asked_for(since, zone, here.clock())
    except BadDay as error:
        raise click.BadParameter(str(error), param_hint="--since") from error


def _require_enabled(here: Portal, kind: str) -> None:
    with here.engine.connect() as connection:
        enabled = connection.scalar(select(SisConnection.enabled).where(SisConnection.kind == kind))
    if not enabled:
        raise Failed(f"{kind} is disabled. Enable it on its Status page, or connect it again.")


def _take_back(here: Portal, sync_id: int, why: str) -> None:
    with writing(here.engine).begin() as connection:
        move(connection, sync_id, SyncState.CANCELLED, note=why, finished_at=here.clock())
    packages.drop(here.engine, sync_id)


def _with_commands(here: Portal, found: dict[str, Any]) -> str:
    """The note of a failed sync; where no school was mapped, with the commands that map one."""
    with here.engine.connect() as connection:
        missing = not places(connection, here.connection_id(found["connection"]))
    if not missing:
        return str(found["note"])
    sis_ = "flask sis"
    return (
        f"{found['note']} List the schools with: {sis_} schools {found['connection']}. Map one with: {sis_} map "
        f"{found['connection']} SCHOOL_ID --organization NAME. Or all with: {sis_} map {found['connection']} --auto-create"
    )


@sis.command("report")
@SYNC
@JSON
def report(sync_id: int, as_json: bool) -> None:
    """Show a sync: what it would change, or what it changed."""
    print_sync(portal(), sync_id, as_json=as_json)


@sis.command("actions")
@SYNC
@click.option("--type", "type_", type=click.Choice([str(each) for each in ActionType]))
@click.option("--verb", type=click.Choice([str(each) for each in Verb]))
@click.option("--state", type=click.Choice([str(each) for each in ActionState]))
@JSON
def actions(sync_id: int, type_: str | None, verb: str | None, state: str | None, as_json: bool) -> None:
    """List the actions of a sync."""
    here = portal()
    require_sync(here, sync_id)
    # Before a commit, what a person unticked is planned still.
    unticked = state == ActionState.UNTICKED
    chosen = ActionFilter(type=type_ or "", verb=verb or "", state="" if unticked else state or "", unticked=unticked)
    with here.engine.connect() as connection:
        found = actions_json(connection, sync_id, chosen)
        if as_json:
            print_json_list(found)
        else:
            print_table(("id", "", "verb", "type", "state", "held", "external id", "label"), map(_action_row, found))


def _action_row(action: dict[str, Any]) -> tuple[object, ...]:
    mark = "[x]" if action["ticked"] else "[ ]"
    names = ("verb", "type", "state", "held", "external_id", "label")
    return action["id"], mark, *(action[name] for name in names)


@sis.command("tick")
@SYNC
@ACTIONS
@JSON
def tick(sync_id: int, action_ids: tuple[int, ...], as_json: bool) -> None:
    """Have actions applied by the commit."""
    _tick(sync_id, action_ids, ticked=True, as_json=as_json)


@sis.command("untick")
@SYNC
@ACTIONS
@JSON
def untick(sync_id: int, action_ids: tuple[int, ...], as_json: bool) -> None:
    """Leave actions out of the commit."""
    _tick(sync_id, action_ids, ticked=False, as_json=as_json)


def _tick(sync_id: int, action_ids: tuple[int, ...], *, ticked: bool, as_json: bool) -> None:
    here = portal()
    changed = tick_actions(here.engine, sync_id, action_ids, ticked, WHO, here.clock())
    with here.engine.connect() as connection:
        found = [action for each in action_ids if (action := action_json(connection, sync_id, each))]
    if as_json:
        print_json(found)
    else:
        click.echo(
            f"{changed:,} {'action is' if changed == 1 else 'actions are'} {'ticked' if ticked else 'unticked'} now."
        )
    if not ticked and any(action["type"] in {"student", "teacher"} and action["verb"] == "add" for action in found):
        note("People who are not added are left out of the rosters too.")


@sis.command("commit")
@SYNC
@click.option("--release-held", is_flag=True, help="Also apply what the guards hold; never a doubtful match.")
@JSON
def commit(sync_id: int, release_held: bool, as_json: bool) -> None:
    """Apply the ticked actions of a sync, or go on with a commit that was stopped half-way."""
    here = portal()
    found = require_sync(here, sync_id)
    if release_held and found["state"] in OPEN:
        note(f"{release_all(here.engine, sync_id, WHO, here.clock()):,} guarded actions are released.")
    if found["state"] != SyncState.COMMITTED:
        _record(here, sync_id, "commit-asked")
    refusal = _commit(here, here.connection_id(found["connection"]), sync_id)
    found = print_sync(here, sync_id, as_json=as_json)
    note_mails(here, sync_id)
    if refusal is not None:
        _refuse(refusal, found)
    if found["state"] == SyncState.PARTLY_COMMITTED:
        raise NeedsAPerson(found["note"])


def _commit(here: Portal, connection_id: int, sync_id: int) -> NotAllowed | None:
    """Commit, or wait for whoever commits it now; why it was refused, where it was."""
    told = False
    while True:
        await_silent(here.engine, connection_id, here.clock)
        try:
            if committing.commit(here.engine, sync_id, here.clock) is not SyncState.COMMITTING:
                return None
        except NotAllowed as error:
            if require_sync(here, sync_id)["state"] != SyncState.COMMITTING:
                return error
        if not told:
            note(f"Another program commits sync {sync_id} now: waiting for it.")
        told = True


def _refuse(refusal: NotAllowed, found: dict[str, Any]) -> None:
    again = f"Prepare again with: flask sis prepare {found['connection']}"
    if isinstance(refusal, committing.Stale) or found["state"] in PREPARE_AGAIN:
        raise NeedsAPerson(f"{str(refusal).removesuffix(' Prepare again.')} {again}")
    raise refusal


@sis.command("discard")
@SYNC
@JSON
def discard(sync_id: int, as_json: bool) -> None:
    """Put a prepared sync aside for good."""
    here = portal()
    require_sync(here, sync_id)
    running.discard(here.engine, sync_id, WHO, here.clock())
    print_sync(here, sync_id, as_json=as_json)


def _record(here: Portal, sync_id: int, event: Event) -> None:
    with writing(here.engine).begin() as connection:
        notices.record(connection, event, f"sync {sync_id}", here.clock(), actor=ACTOR)


def require_sync(here: Portal, sync_id: int) -> dict[str, Any]:
    """A sync as JSON shows it. Raises ``Failed`` where there is none."""
    with here.engine.connect() as connection:
        found = sync_json(connection, sync_id)
    if found is None:
        raise Failed(f"There is no sync {sync_id}.")
    return found


def print_sync(here: Portal, sync_id: int, *, as_json: bool) -> dict[str, Any]:
    """Print a sync, as JSON or in words; what was printed."""
    found = require_sync(here, sync_id)
    if as_json:
        print_json(found)
        return found
    click.echo(f"Sync {found['id']} of {found['connection']} ({found['mode']}): {found['state']}")
    rows = [
        (type_, verb, *numbers.values())
        for type_, verbs in found["counts"].items()
        for verb, numbers in verbs.items()
        if any(numbers.values())
    ]
    if rows:
        print_table(("type", "verb", "planned", "ticked", "applied"), rows)
    for withheld in found["withheld"]:
        click.echo(f"Deletes of {withheld['type']} are withheld: {withheld['reason']}")
    if found["kept_back"]:
        number = sum(number for verbs in found["kept_back"].values() for number in verbs.values())
        click.echo(
            f"Undone before and not proposed again: {number:,}. List them with: flask sis kept-back {found['connection']}"
        )
    if found["warnings"]:
        click.echo(f"{len(found['warnings']):,} warnings: --json lists them.")
    if found["note"]:
        click.echo(found["note"])
    return found


def _held_count(found: dict[str, Any]) -> int:
    return sum(int(held["count"]) for held in found["held"])
