"""Lists as CSV files: sent while they are read, and harmless to the spreadsheet that opens them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask import Response, stream_with_context
from sqlalchemy import Select

from sisportal.extensions import db

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff"
ROWS_AT_ONCE = 500


def harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP: CSV injection), with its text otherwise as it is."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_answer(filename: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """The rows as a file to save; they are read while they are sent."""
    answer = Response(stream_with_context(_lines(header, rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def streamed(statement: Select[Any]) -> Iterator[Any]:
    """The rows of a statement, some hundreds in memory at a time."""
    for rows in db.session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE)).partitions():
        yield from rows


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    buffer = io.StringIO(BYTE_ORDER_MARK)  # without it Excel takes UTF-8 for the system's own encoding
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow([harmless(value) for value in row])
        if buffer.tell() > 32_000:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
