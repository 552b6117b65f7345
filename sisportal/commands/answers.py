"""What commands print: JSON for scripts or aligned text for people, on the standard output; notes on the other one."""

from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec


def print_json(value: Any) -> None:
    """One JSON value."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_json_list(values: Iterable[Any]) -> None:
    """A JSON list, a line for each value, written as they come."""
    between = "["
    for value in values:
        click.echo(f"{between}\n{msgspec.json.encode(value).decode()}", nl=False)
        between = ","
    click.echo("\n]" if between == "," else "[]")


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under a header, each column as wide as its widest value."""
    texts = [[*header], *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[index]) for row in texts) for index in range(len(header))]
    for row in texts:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def note(sentence: str) -> None:
    """Something to know that is no part of the answer."""
    click.echo(sentence, err=True)


def _text(value: object) -> str:
    """The value as one line; names from outside may hold what a terminal would obey."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    return "-" if value is None or not text else text
