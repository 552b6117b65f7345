"""A column whose condition is no reason to go through an index: for queries that read most of a table."""

from typing import Any, Self

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType


class _Unindexed(FunctionElement[Any]):
    """The column. On SQLite with a plus before it, as its documents say (Query Optimizer Overview, section 2.1.2).

    SQLite takes any index that begins with a column it has a value for. Where all rows of the table have that value, each
    of them is looked up where it lies, in the order of the index: that took ten times as long as going through the table.
    PostgreSQL knows from its statistics what a value is worth.
    """

    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002  # the interface's
        """As it is: a comparison with parentheses reads no better."""
        return self


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column, for a comparison that most rows of its table meet."""
    found = _Unindexed(column)
    found.type = column.type
    return found


@compiles(_Unindexed)
def _plain(element: _Unindexed, compiler: SQLCompiler, **words: Any) -> str:
    return compiler.process(element.clauses.clauses[0], **words)


@compiles(_Unindexed, "sqlite")
def _on_sqlite(element: _Unindexed, compiler: SQLCompiler, **words: Any) -> str:
    return f"+{compiler.process(element.clauses.clauses[0], **words)}"
