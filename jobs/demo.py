"""The demonstration: a portal of its own beside a sample district, with a first sync prepared and waiting for review."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from jobs.children import Children
from sisportal import sample
from sisportal.config import PROJECT, ConfigError, Settings, load

ADMINISTRATOR = "admin@example.org"


class Kept(msgspec.Struct):
    """What the demonstration remembers in its data folder."""

    password: str
    prepared: bool = False


class _School(msgspec.Struct):
    """What of a school's row in `flask sis schools` is needed to choose it."""

    id: str
    name: str


@dataclass
class Demo:
    """A demonstration in the folder of ``settings``."""

    settings: Settings
    kept: Kept

    @classmethod
    def make(cls, environ: Mapping[str, str]) -> "Demo":
        """A new one, or the one that ran before. Raises ConfigError where the folder holds a real portal.

        It stays apart from a real portal: in the folder that DATA_DIR names on the command line, else in a folder
        of its own, and always in a database file there.
        """
        folder = environ.get("DATA_DIR") or str(load(environ).data_dir / "demo")
        home = load({**environ, "DATA_DIR": folder}).data_dir
        settings = load({**environ, "DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{home / 'portal.sqlite3'}"})
        return cls(settings, _kept(home))

    def prepare(self, children: Children) -> None:
        """The first time, sets the portal up and prepares a sync; the sample district's keeper runs already."""
        if not self.kept.prepared:
            self._set_up(children)
            self.kept.prepared = True
            _keep(self.settings.data_dir, self.kept)

    def _set_up(self, children: Children) -> None:
        """What somebody would type to do the same by hand."""

        def flask(*words: str) -> None:
            children.run(" ".join(("flask", *words[:2])), ["flask", *words])

        flask("setup", "--email", ADMINISTRATOR, "--password", self.kept.password, "--name", "Sample portal")
        flask("sis", "connect", "sample")
        schools = children.read("flask sis schools", ["flask", "sis", "schools", "clever", "--json"])
        school = msgspec.json.decode(schools, type=list[_School])[0]
        flask("sis", "map", "clever", school.id, "--organization", school.name)
        flask("sis", "prepare", "clever", "--full")

    def greeting(self) -> list[str]:
        folder = self.settings.data_dir
        shown = folder.relative_to(PROJECT) if folder.is_relative_to(PROJECT) else folder
        return [
            f"Sign in as {ADMINISTRATOR} with the password {self.kept.password}",
            f"The sample district: {sample.address(folder)}",
            "After the first commit its people can sign in with Clever: choose anybody there",
            f"Its command line: DATA_DIR={shown} .venv/bin/flask sis --help",
        ]


def _kept(folder: Path) -> Kept:
    path = folder / "demo.json"
    if path.exists():
        if "sandbox_port" in msgspec.json.decode(path.read_bytes(), type=dict[str, Any]):
            raise ConfigError(f"{folder} holds the demonstration of an earlier version. Remove it to begin a new one.")
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    if (folder / "portal.sqlite3").exists():
        raise ConfigError(f"{folder} holds a portal already, and a demonstration would add made-up people to it.")
    kept = Kept(secrets.token_hex(8))
    _keep(folder, kept)
    return kept


def _keep(folder: Path, kept: Kept) -> None:
    path = folder / "demo.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(kept))
