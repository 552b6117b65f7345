"""``flask sis undo``, ``kept-back`` and ``propose-again``: a commit taken back, and what is not proposed again since."""

from typing import Any

import click

from sisportal.commands.answers import print_json, print_table
from sisportal.commands.entry import CONNECTION, JSON, SYNC, Failed, Portal, portal
from sisportal.commands.pinned import sis
from sisportal.commands.syncs import WHO, print_sync, require_sync
from sisportal.models import SyncState
from sisportal.syncing import kept_back, running
from sisportal.syncing import prepare as preparing
from sisportal.syncing.explaining import kept_back_words
from sisportal.syncing.takeover import await_silent

__all__ = ["sis"]  # with the commands of this module in it


@sis.command("undo")
@SYNC
@JSON
def undo(sync_id: int, as_json: bool) -> None:
    """Plan how to take back what a committed sync changed; nothing does yet: flask sis commit applies it."""
    here = portal()
    found = require_sync(here, sync_id)
    await_silent(here.engine, here.connection_id(found["connection"]), here.clock)
    undo_id = running.start_undo(here.engine, sync_id, WHO, here.clock())
    state = preparing.prepare(here.engine, undo_id, here.open_provider, here.clock)
    found = print_sync(here, undo_id, as_json=as_json)
    if state is not SyncState.PREPARED:
        raise Failed(found["note"])


@sis.command("kept-back")
@CONNECTION
@JSON
def list_kept_back(kind: str, as_json: bool) -> None:
    """List what was undone and is not proposed again."""
    here = portal()
    rows = _rows(here, here.connection_id(kind))
    if as_json:
        print_json(rows)
    elif rows:
        names = ("type", "external_id", "label", "kept_back", "undone_sync")
        print_table(
            ("type", "external id", "label", "not proposed", "of sync"), [[row[n] for n in names] for row in rows]
        )
    else:
        click.echo("Nothing is kept back.")


@sis.command("propose-again")
@CONNECTION
@click.argument("external_ids", metavar="EXTERNAL_ID...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Everything that is kept back.")
@JSON
def propose_again(kind: str, external_ids: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Let the next sync propose what was undone."""
    if every == bool(external_ids):
        raise click.UsageError("Give the external ids of records, or --all.")
    here = portal()
    connection_id = here.connection_id(kind)
    rows = _rows(here, connection_id)
    known = {row["external_id"] for row in rows}
    if unknown := [each for each in external_ids if each not in known]:
        raise Failed(f"Nothing is kept back of {', '.join(unknown)}.")
    chosen = [row for row in rows if every or row["external_id"] in external_ids]
    keys = None if every else [(row["collection"], row["external_id"]) for row in chosen]
    number = kept_back.propose_again(here.engine, connection_id, keys, WHO, here.clock())
    if as_json:
        print_json({"released": number})
    else:
        click.echo(f"{number:,} {'record is' if number == 1 else 'records are'} proposed again by the next sync.")


def _rows(here: Portal, connection_id: int) -> list[dict[str, Any]]:
    with here.engine.connect() as connection:
        return [
            {
                "type": row.type, "collection": row.collection, "external_id": row.source_id, "label": row.label,
                "kept_back": kept_back_words(
                    is_new=row.is_new, is_gone=row.is_gone, fields=row.fields, joins=row.joins, leaves=row.leaves
                ),
                "undone_sync": row.undone_sync_id, "undone_by": row.undone_by_id,
            }
            for row in connection.execute(kept_back.kept_rows(connection_id, kept_back.KeptFilter()))
        ]  # fmt: skip
