"""What commands print: JSON for scripts or aligned text for people, on the standard output; notes on the other one."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
import msgspec


def print_json(value: Any) -> None:
    """One JSON value, in UTF-8 whatever the terminal's encoding is."""
    _write([msgspec.json.format(msgspec.json.encode(value), indent=2), b"\n"])


def print_json_list(values: Iterable[Any]) -> None:
    """A JSON list, a line for each value, written as they come."""
    _write(_list_lines(values))


def _list_lines(values: Iterable[Any]) -> Iterator[bytes]:
    between = b"[\n"
    for value in values:
        yield between + msgspec.json.encode(value)
        between = b",\n"
    yield b"[]\n" if between == b"[\n" else b"\n]\n"


def _write(pieces: Iterable[bytes]) -> None:
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.flush()


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
