"""``flask sis decide``: what a person says of a doubtful match, of a possible duplicate, or of a field changed twice."""

import click

from sisportal.commands.answers import print_json
from sisportal.commands.entry import ACTOR, JSON, SYNC, NeedsAPerson, portal
from sisportal.commands.syncs import sis
from sisportal.syncing.choosing import SAID, Side, choose_fields, choose_value
from sisportal.syncing.deciding import Said
from sisportal.syncing.deciding import decide as decide_match
from sisportal.syncing.deciding_all import agreeing, decide_agreeing
from sisportal.syncing.replanning import known
from sisportal.syncing.reports import action_json
from sisportal.syncing.review import Who, require_open

__all__ = ["sis"]  # with the command of this module in it

ACCOUNT = click.IntRange(min=1)


@sis.command("decide")
@SYNC
@click.argument("action_id", metavar="[ACTION_ID]", type=ACCOUNT, required=False)
@click.option("--same", metavar="ACCOUNT_ID", type=ACCOUNT, help="It is this account (of a section: this class).")
@click.option(
    "--not-same", metavar="ACCOUNT_ID", type=ACCOUNT, multiple=True, help="It is not this one; again for more."
)
@click.option("--create", is_flag=True, help="It is none that the portal holds: make a new one.")
@click.option(
    "--take", type=click.Choice(["sis", "portal"]), help="Of fields changed on both sides, take these values."
)
@click.option(
    "--field",
    metavar="FIELD",
    multiple=True,
    help="With --take: of this field alone; again for more. The record is held until it was said of each.",
)
@click.option(
    "--all-agreeing",
    type=click.Choice(["same"]),
    help="In place of an action: everybody whose id is another now is the same as the one account with the same number and full name.",
)
@click.option("--number", type=click.IntRange(min=1), help="With --all-agreeing: how many they are.")
@JSON
def decide(
    *,
    sync_id: int,
    action_id: int | None,
    same: int | None,
    not_same: tuple[int, ...],
    create: bool,
    take: Side | None,
    field: tuple[str, ...],
    all_agreeing: str | None,
    number: int | None,
    as_json: bool,
) -> None:
    """Say who a held record is. It is remembered for ever, and the plan can be committed without another prepare."""
    said = [same is not None, bool(not_same), create, take is not None, all_agreeing is not None].count(True)
    if said != 1:
        raise click.UsageError("Give one of --same, --not-same, --create, --take and --all-agreeing.")
    if field and take is None:
        raise click.UsageError("Give --field with --take.")
    if (all_agreeing is None) == (action_id is None):
        raise click.UsageError("Give either an ACTION_ID or --all-agreeing.")
    if action_id is None:
        _decide_all(sync_id, number, as_json)
    else:
        _decide_one(sync_id, action_id, Said(same, not_same, create), take, field, as_json)


def _decide_all(sync_id: int, number: int | None, as_json: bool) -> None:
    here = portal()
    if number is None:
        with here.engine.connect() as connection:
            require_open(connection, sync_id)
            found = len(agreeing(connection, known(connection, sync_id)))
        if not found:
            raise NeedsAPerson("No number and name agree without doubt. Decide one by one.")
        raise NeedsAPerson(f"The same person: {found}. Give --number {found} to say so of all of them.")
    decided = decide_agreeing(here.engine, sync_id, number, Who(ACTOR), here.clock())
    if as_json:
        print_json({"decided": decided})
    else:
        click.echo(f"{decided} people are the same as before. Their accounts go on under the new ids.")


def _decide_one(
    sync_id: int,
    action_id: int,
    said: Said,
    take: Side | None,
    field: tuple[str, ...],
    as_json: bool,
) -> None:
    here = portal()
    who = Who(ACTOR)
    if take is not None and field:
        choose_fields(here.engine, sync_id, action_id, take, field, who, here.clock())
    elif take is not None:
        choose_value(here.engine, sync_id, action_id, take == "sis", who, here.clock())
    else:
        decide_match(here.engine, sync_id, action_id, said, who, here.clock())
    with here.engine.connect() as connection:
        found = action_json(connection, sync_id, action_id)
    if as_json:
        print_json(found)
    elif found is None:
        click.echo("Decided. The options leave this change out of the plan.")
    elif left := sorted(found["evidence"].get("both", {}).keys() - found["evidence"].get(SAID, {}).keys()):
        click.echo(f"{found['label']} is still held. Say of {', '.join(left)}, too: --take with --field.")
    elif found["held"]:
        click.echo(f"{found['label']} is still held: {found['held']}.")
    else:
        click.echo(f"{found['label']} is planned as {found['verb']} now.")
