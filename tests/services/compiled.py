"""Templates, routes and statements compiled once a process, however many portals its tests make: most of a page's test."""

from types import CodeType, MethodType
from typing import Any, ClassVar

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule


class Templates(BytecodeCache):
    """Keeps the code of each template in memory; by its checksum, as jinja2 does, so that another text is another code."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


class Route(Rule):
    """Takes what its pattern is compiled to from an equal route of another portal; it depends on nothing else."""

    known: ClassVar[dict[str, "Route"]] = {}

    def compile(self) -> None:
        what = repr((self.rule, self.subdomain, self.merge_slashes, self.defaults))
        if what not in self.known:
            super().compile()
            self.known[what] = self
            return
        known = vars(self.known[what])
        for name in ("_parts", "_trace", "_converters", "arguments"):
            setattr(self, name, known[name])
        for name in ("_build", "_build_unknown"):
            setattr(self, name, MethodType(known[name].__func__, self))


_statements: LRUCache[Any, Any] = LRUCache(5_000)


def _keep_statements(_dialect: type[DefaultDialect], engine: Engine) -> None:
    """SQLAlchemy calls it with each new engine: all of them keep their statements in one place, as all pages of a portal do."""
    engine._compiled_cache = _statements


def _alike(one: DefaultDialect, other: DefaultDialect) -> bool:
    """Whether a statement has the same text in both."""
    return one is other or (type(one), one.paramstyle) == (type(other), other.paramstyle)


def _hash(dialect: DefaultDialect) -> int:
    return id(type(dialect))


def _share_statements(kind: type[DefaultDialect]) -> None:
    """A kept statement is found by its dialect, of which each engine has one of its own: equal ones are the same."""
    for name, method in {"engine_created": classmethod(_keep_statements), "__eq__": _alike, "__hash__": _hash}.items():
        setattr(kind, name, method)


def share() -> None:
    """From now on each new portal shares what earlier ones compiled."""
    Flask.jinja_options = {"bytecode_cache": Templates()}
    Flask.url_rule_class = Route
    for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        _share_statements(kind)
