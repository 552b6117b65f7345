"""``flask sis explain``: where an action comes from, what shaped it, and what happened to its record before."""

from datetime import UTC

import click
from sqlalchemy import select

from sisportal.commands.answers import print_json
from sisportal.commands.entry import JSON, SYNC, Failed, portal
from sisportal.commands.undoing import sis
from sisportal.models import Action, Sync
from sisportal.syncing import explained

__all__ = ["sis"]  # with the command of this module in it


@sis.command("explain")
@SYNC
@click.argument("action_id", metavar="ACTION_ID", type=click.IntRange(min=1))
@JSON
def explain(sync_id: int, action_id: int, as_json: bool) -> None:
    """Say in sentences why an action is what it is, and what happened to the same record before."""
    here = portal()
    with here.engine.connect() as connection:
        sync = connection.execute(select(Sync.__table__).where(Sync.id == sync_id)).one_or_none()
        mine = (Action.sync_id == sync_id, Action.id == action_id)
        action = connection.execute(select(Action.__table__).where(*mine)).one_or_none()
        if sync is None or action is None:
            raise Failed(f"Sync {sync_id} has no action {action_id}." if sync else f"There is no sync {sync_id}.")
        known = explained.around(connection, sync, action)
        why, before = (
            explained.why(connection, sync, action, known),
            explained.before(connection, sync, action, known.past),
        )
    if as_json:
        times = [each.at.astimezone(UTC).isoformat(timespec="seconds") for each in before]
        told = [
            {"at": at, "sync": each.sync_id, "action": each.action_id, "sentence": each.sentence}
            for at, each in zip(times, before, strict=True)
        ]
        print_json({"id": action.id, "label": action.label, "why": why, "before": told})
        return
    click.echo(f"{action.label} ({action.verb} of a {action.type}):")
    for sentence in why:
        click.echo(f"- {sentence}")
    for each in before:
        click.echo(f"{each.at:%Y-%m-%d %H:%M} UTC  {each.sentence}")
