"""Remembers in a file which district a sandbox serves and what was done to it, so that a restart repeats it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sisportal.sandbox import operations
from sisportal.sandbox.generator import generate

if TYPE_CHECKING:
    from sisportal.sandbox.district import District
    from sisportal.sandbox.service import Sandbox


class OtherDistrictError(Exception):
    """The file remembers another district than the one asked for; its text is for the terminal."""


class Origin(msgspec.Struct, frozen=True):
    """What a district was generated from."""

    students: int
    seed: int
    schools: int | None
    today: date

    def district(self) -> "District":
        """The district as it was on its first day."""
        return generate(self.students, seed=self.seed, schools=self.schools, today=self.today)


class Memory(msgspec.Struct):
    """A district's origin and everything done to it since, in order."""

    origin: Origin
    done: list[operations.AnyOperation] = msgspec.field(default_factory=list)

    def repeat(self, sandbox: "Sandbox") -> None:
        """Do everything again."""
        for operation in self.done:
            operation.apply(sandbox)


def recall(path: Path | None, wanted: Origin, days: int = 0) -> Memory:
    """What the file remembers, or a new memory, in which so many days have passed.

    Raises OtherDistrictError for a district that was not asked for.
    """
    if path is None or not path.exists():
        return Memory(wanted, [operations.PassDay(days=days)] if days else [])
    memory = msgspec.json.decode(path.read_bytes(), type=Memory)
    same = msgspec.structs.replace(wanted, today=memory.origin.today)
    if memory.origin != same:
        raise OtherDistrictError(
            f"{path} remembers another district ({memory.origin}). Remove it, or name another file."
        )
    return memory


def keeper(path: Path | None, memory: Memory) -> Callable[[operations.AnyOperation], None]:
    """Write down the district, and give what writes down each operation once it is done; nowhere without a file."""

    def keep(operation: operations.AnyOperation) -> None:
        memory.done.append(operation)
        _write(path, memory)

    _write(path, memory)
    return keep


def _write(path: Path | None, memory: Memory) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".new")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(memory)))
        draft.replace(path)
