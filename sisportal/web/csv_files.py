"""Lists as CSV files, streamed: memory does not grow with the list."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from flask import Response

from sisportal.syncing.import_table import FORMULA


def csv_file(name: str, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV file in UTF-8 with a mark by which spreadsheets know it.

    ``rows`` are read after the view has returned: they must not need the request or its session.
    """
    response = Response(_lines(heading, rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def safe_cell(value: object) -> str:
    """The value as text; what a spreadsheet would run as a formula is kept as text by a quote before it.

    What looks so already gets one too, so that ``import_table.plain_cell`` knows every value again.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


class _Line:
    """What ``csv.writer`` writes to: hands the line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _lines(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(heading)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])
