"""``flask sis pins`` and ``flask sis release``: what the portal keeps of its own, and letting the SIS's values in again."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from sqlalchemy import select

from sisportal.commands.answers import print_json, print_json_list, print_table
from sisportal.commands.deciding import sis
from sisportal.commands.entry import ACTOR, CONNECTION, JSON, portal
from sisportal.models import Pin
from sisportal.syncing import pins as stored
from sisportal.syncing import unpinning
from sisportal.syncing.pin_words import named
from sisportal.syncing.pins import PinFilter
from sisportal.syncing.review import Who

__all__ = ["sis"]  # with the commands of this module in it

F = TypeVar("F", bound=Callable[..., Any])
_NARROW = (
    click.option("--search", metavar="TEXT", default="", help="Only where name, id, field or editor hold these words."),
    click.option("--field", metavar="NAME", default="", help="Only this field, as the export calls it."),
    click.option("--type", type=click.Choice(["student", "teacher", "section"]), help="Only these records."),
    click.option("--school", metavar="ID", help="Only records of this school of the SIS."),
    click.option("--both", is_flag=True, help="Only what the SIS has changed since, too."),
)


def _narrowing(command: F) -> F:
    for option in reversed(_NARROW):
        command = option(command)
    return command


def _chosen(narrow: dict[str, Any]) -> PinFilter:
    return PinFilter(**{name: value for name, value in narrow.items() if value is not None})


@sis.command("pins")
@CONNECTION
@_narrowing
@JSON
def pins(kind: str, as_json: bool, **narrow: Any) -> None:
    """List the fields that keep a value of the portal's own, and what each of them hides."""
    here = portal()
    connection_id = here.connection_id(kind)
    chosen = _chosen(narrow)
    statement = select(Pin.__table__).where(*stored.conditions(connection_id, chosen)).order_by(Pin.search, Pin.id)
    with here.engine.connect() as connection:
        rows = list(connection.execute(statement))
        if as_json:
            print_json_list(_as_json(row) for row in rows)
            return
        lines = [
            (
                row.id,
                row.label,
                texts["field"],
                texts["here"],
                texts["sis"],
                row.since and f"{row.since:%Y-%m-%d}",
                row.editor,
            )
            for row, texts in named(connection, connection_id, rows)
        ]
    if lines:
        print_table(("id", "record", "field", "in the portal", "in the SIS", "since", "by"), lines)
    else:
        click.echo("Nothing is pinned.")


def _as_json(row: Any) -> dict[str, Any]:
    names = ("id", "type", "label", "school", "field", "member", "last", "here", "sis", "both", "since", "editor")
    found = {name: getattr(row, name) for name in names}
    return found | {"external_id": row.source_id, f"{row.record}_id": row.record_id}


@sis.command("release")
@CONNECTION
@click.argument("pin_ids", metavar="[PIN_ID...]", nargs=-1, type=click.IntRange(min=1))
@_narrowing
@click.option("--all", "every", is_flag=True, help="Every pinned field of the connection.")
@JSON
def release(kind: str, pin_ids: tuple[int, ...], every: bool, as_json: bool, **narrow: Any) -> None:
    """Release pinned fields: by their ids, by what they match, or all. The next prepare proposes what the SIS says."""
    chosen = _chosen(narrow)
    if [bool(pin_ids), chosen != PinFilter(), every].count(True) != 1:
        raise click.UsageError("Give ids, or what the pins must match, or --all.")
    here, who = portal(), Who(ACTOR)
    connection_id = here.connection_id(kind)
    if pin_ids:
        number = unpinning.release(here.engine, connection_id, pin_ids, who, here.clock())
    else:
        number = unpinning.release_matching(here.engine, connection_id, chosen, who, here.clock())
    if as_json:
        print_json({"released": number})
    else:
        fields = "field is" if number == 1 else "fields are"
        click.echo(
            f"{number:,} {fields} released. The next prepare proposes what the SIS says; nothing has changed yet."
        )
