"""``flask backup`` and ``flask restore``: the whole portal as one file, and back."""

from pathlib import Path

import click
import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from sisportal.commands.answers import note, print_json
from sisportal.commands.entry import ACTOR, JSON, Failed, Portal, PortalCommand, portal
from sisportal.commands.tables import is_known, migrate_within, newest_revision
from sisportal.folder import fresh_file, held
from sisportal.models.database import writing
from sisportal.syncing import notices
from sisportal.syncing.backup import write_backup
from sisportal.syncing.backup_file import Manifest, Unusable, opened, verify
from sisportal.syncing.queue import QueueGone
from sisportal.syncing.restore import Restored, is_empty, load, running_stage, settle
from sisportal.syncing.selfcheck import check_store
from sisportal.syncing.states import STALE_AFTER
from sisportal.syncing.store_swap import fill_anew, our_tables

CREDENTIALS = {
    "left-out": "The backup holds no credentials of the SIS: enter them again under SIS > Configure.",
    "unreadable": "The credentials of the SIS could not be read when the backup was made: enter them again under SIS > Configure.",
}


class RestoreCommand(PortalCommand):
    """A command that must work where the tables are missing, old or damaged."""

    needs_tables = False


@click.command("backup", cls=PortalCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--without-credentials", is_flag=True, help="Leave the credentials of the SIS out.")
@JSON
def backup(file: Path, without_credentials: bool, as_json: bool) -> None:
    """Write everything that the portal holds to FILE, as it stands in this moment, also while a sync runs.

    The file holds people's data and the credentials of the SIS: only its owner can read it, and it should be kept like a key.
    """
    here = portal()
    if not file.parent.is_dir():
        raise Failed(f"There is no folder {file.parent}.")
    key = None if without_credentials else here.cipher.key
    with fresh_file(file) as fresh:
        manifest = write_backup(here.engine, fresh, here.clock(), newest_revision(), key)
        fresh.flush()
        with opened(Path(fresh.name)) as (archive, written):
            verify(archive, written)
    _record(here, file, manifest)
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size, **_told(manifest)})
    else:
        click.echo(f"{manifest.rows:,} rows of {len(manifest.tables)} tables are in {file}.")


def _record(here: Portal, file: Path, manifest: Manifest) -> None:
    """Note it in the audit log; the file is whole and in its place by now, so that nothing of this makes it a failure."""
    try:
        with writing(here.engine).begin() as connection:
            notices.record(connection, "backup-made", file.name, here.clock(), actor=ACTOR, rows=manifest.rows)
    except DBAPIError as error:
        note(f"The audit log could not be told of this backup, which is whole: {error.orig}.")


@click.command("restore", cls=RestoreCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--replace", is_flag=True, help="Put the backup in the place of what this portal holds, which is kept aside."
)
@click.option("--only-check", is_flag=True, help="Say whether FILE could be restored, and change nothing.")
@JSON
def restore(file: Path, replace: bool, only_check: bool, as_json: bool) -> None:
    """Put the portal back as it was when FILE was made. Stop the portal first.

    FILE may come from an earlier version, and from the other kind of database. Everybody has to sign in again.
    """
    here = portal()
    with opened(file) as (archive, manifest):
        if not is_known(manifest.revision):
            raise Unusable("This backup was made by a newer version of the portal. Update the portal, then restore it.")
        verify(archive, manifest)
        if only_check:
            _say({"ok": True, **_told(manifest)}, f"{file.name} is whole: {_in_words(manifest)}", as_json=as_json)
            return
        with held(here.settings.data_dir):
            keep = _is_to_be_kept(here, replace=replace)

            def fill(connection: Connection) -> Restored:
                load(connection, archive, manifest, migrate_within, newest_revision())
                return settle(connection, manifest, here.cipher, here.clock(), ACTOR)

            restored, kept = fill_anew(here.engine, here.clock(), fill, keep=keep)
            _forget_queue(here)
    _report(here, restored, kept, as_json=as_json)


def _is_to_be_kept(here: Portal, *, replace: bool) -> bool:
    """Whether the database holds something. Raises ``Failed`` where it does and is not to be replaced, or is at work."""
    try:
        with here.engine.connect() as connection:
            tables = our_tables(connection)
            if is_empty(connection, tables):
                return False
            running = running_stage(connection, here.clock() - STALE_AFTER) if "sync" in tables else None
    except DBAPIError as error:
        if not _is_damaged(here.engine):
            raise
        found, running = f"cannot be read ({error.orig})", None
    else:
        found = "holds a portal already"
    if running:
        raise Failed(f"Sync {running} runs now. Wait until it has ended, and stop the portal.")
    if not replace:
        raise Failed(
            f"The database {found}. Add --replace to put the backup in its place; what is there is kept aside."
        )
    return True


def _is_damaged(engine: Engine) -> bool:
    """Whether what could not be used is a file, whose place can be taken, rather than a server that is away."""
    return engine.dialect.name == "sqlite" and Path(str(engine.url.database)).is_file()


def _forget_queue(here: Portal) -> None:
    """What still waits in the queue was meant for other states of the syncs than those that are restored."""
    if here.settings.redis_is_embedded:
        kept = here.settings.data_dir / "queue"
        if kept.is_dir():
            kept.rename(kept.with_name(f"queue_before_restore_{here.clock():%Y%m%d_%H%M%S}"))
        return
    try:
        here.queue.forget()
    except QueueGone:
        note(
            "The queue does not answer. Empty it before the portal is started: it may hold syncs of the portal as it was."
        )


def _report(here: Portal, restored: Restored, kept: str, *, as_json: bool) -> None:
    findings = check_store(here.engine, here.cipher, here.clock())
    if sentence := CREDENTIALS.get(restored.credentials):
        note(sentence)
    for finding in findings:
        note(f"{finding.what} {finding.advice}")
    if kept:
        note(f"What the portal held before is kept in {kept}.")
    said = f"The portal is as it was on {restored.made_at:%d %B %Y, %H:%M} UTC: {restored.rows:,} rows."
    if restored.interrupted:
        said += f" {restored.interrupted:,} syncs that had not ended have to be started again."
    _say({**msgspec.to_builtins(restored), "kept": kept, "findings": findings}, said, as_json=as_json)


def _say(answer: object, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(sentence)


def _in_words(manifest: Manifest) -> str:
    return f"{manifest.portal or 'a portal'} on {manifest.made_at:%d %B %Y, %H:%M} UTC, {manifest.rows:,} rows."


def _told(manifest: Manifest) -> dict[str, object]:
    tables = {table.name: table.rows for table in manifest.tables}
    return {"made_at": manifest.made_at, "revision": manifest.revision, "rows": manifest.rows, "tables": tables}
