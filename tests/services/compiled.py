"""Templates and routes compiled once a process, however many portals its tests make: that is half of a page's test."""

from collections.abc import Callable
from types import CodeType

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
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


Builder = Callable[..., tuple[str, str]]
_builders: dict[str, Builder] = {}


class Route(Rule):
    """Takes the function that builds an address from an equal route of another portal; it depends on nothing else."""

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        what = repr((self._trace, self.defaults, append_unknown))
        if what not in _builders:
            _builders[what] = super()._compile_builder(append_unknown)
        return _builders[what]


def share() -> None:
    """From now on each new portal shares what earlier ones compiled."""
    Flask.jinja_options = {"bytecode_cache": Templates()}
    Flask.url_rule_class = Route
