"""A condition for thousands of values: ``column IN (...)`` with all of them in one parameter."""

from collections.abc import Iterable
from typing import Any, Self

from sqlalchemy import Boolean, ColumnElement, Integer, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType

from sisportal.syncing.rows import json_text


class _Among(FunctionElement[bool]):
    """The condition; both databases take a list of JSON apart, which is quicker than writing and reading a mark for each value."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002  # the interface's
        """As it is: the comparison with 1 that a database without booleans gets would keep it from its index."""
        return self


def among(column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """``column.in_(values)`` for lists of records: texts or whole numbers, however many."""
    return _Among(column, bindparam(None, json_text(list(values)), Text, unique=True))


@compiles(_Among)
def _on_sqlite(element: _Among, compiler: SQLCompiler, **words: Any) -> str:
    column, values = (compiler.process(each, **words) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 both are compiled, no values


@compiles(_Among, "postgresql")
def _on_postgres(element: _Among, compiler: SQLCompiler, **words: Any) -> str:
    column, values = (compiler.process(each, **words) for each in element.clauses)
    as_number = "::integer" if isinstance(element.clauses.clauses[0].type, Integer) else ""
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({values} AS json)){as_number}))"
