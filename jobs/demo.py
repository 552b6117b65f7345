"""The demonstration: a portal of its own beside a sample district, with a first sync prepared and waiting for review."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from jobs.children import Children
from sisportal.config import PROJECT, ConfigError, Settings, load

ADMINISTRATOR = "admin@example.org"
SANDBOX_SECONDS = 60
SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - the sample district's, which anyone may read
SANDBOX_CLIENT = ("sandbox-client", "sandbox-secret")
"""The application's id and secret there."""


class Kept(msgspec.Struct):
    """What the demonstration remembers in its data folder."""

    password: str
    sandbox_port: int
    """Stays the same from start to start, because the connection names it."""
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
        return cls(settings, _kept(home, settings.port + 1))

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.kept.sandbox_port}"

    @property
    def environ(self) -> dict[str, str]:
        """What the portal's processes are started with, so that the sample district's people can sign in."""
        return {
            "CLEVER_CLIENT_ID": SANDBOX_CLIENT[0],
            "CLEVER_CLIENT_SECRET": SANDBOX_CLIENT[1],
            "CLEVER_API_URL": self.sandbox_url,
            "CLEVER_LOGIN_URL": self.sandbox_url,
        }

    def prepare(self, children: Children, answers: Callable[[str], bool]) -> None:
        """Starts the sample district and, the first time, sets the portal up and prepares a sync from it."""
        children.start("sandbox", self.sandbox())
        children.wait_until(
            lambda: answers(self.sandbox_url), seconds=SANDBOX_SECONDS, otherwise="The sample district does not answer."
        )
        if not self.kept.prepared:
            self._set_up(children)
            self.kept.prepared = True
            _keep(self.settings.data_dir, self.kept)

    def sandbox(self) -> list[str]:
        """The command of the sample district, which remembers the days that passed in it."""
        remembers = str(self.settings.data_dir / "sandbox.json")
        command = ["python", "-m", "sisportal.sandbox", "--port", str(self.kept.sandbox_port), "--state", remembers]
        callback = f"{self.settings.base_url}/clever/callback"
        signing_in = ["--redirect-uri", callback, "--oidc"]
        return [*command, "--token", SANDBOX_TOKEN, "--students", "600", "--schools", "3", *signing_in]

    def _set_up(self, children: Children) -> None:
        """What somebody would type to do the same by hand."""

        def flask(*words: str) -> None:
            children.run(" ".join(("flask", *words[:2])), ["flask", *words])

        flask("setup", "--email", ADMINISTRATOR, "--password", self.kept.password, "--name", "Sample portal")
        flask("sis", "connect", "clever", "--base-url", self.sandbox_url, "--token", SANDBOX_TOKEN)
        schools = children.read("flask sis schools", ["flask", "sis", "schools", "clever", "--json"])
        school = msgspec.json.decode(schools, type=list[_School])[0]
        flask("sis", "map", "clever", school.id, "--organization", school.name)
        flask("sis", "prepare", "clever", "--full")

    def greeting(self) -> list[str]:
        folder = self.settings.data_dir
        shown = folder.relative_to(PROJECT) if folder.is_relative_to(PROJECT) else folder
        return [
            f"Sign in as {ADMINISTRATOR} with the password {self.kept.password}",
            f"The sample district: {self.sandbox_url}",
            "After the first commit its people can sign in with Clever: choose anybody there",
            f"Its command line: DATA_DIR={shown} .venv/bin/flask sis --help",
        ]


def _kept(folder: Path, port: int) -> Kept:
    path = folder / "demo.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    if (folder / "portal.sqlite3").exists():
        raise ConfigError(f"{folder} holds a portal already, and a demonstration would add made-up people to it.")
    kept = Kept(secrets.token_hex(8), sandbox_port=port)
    _keep(folder, kept)
    return kept


def _keep(folder: Path, kept: Kept) -> None:
    path = folder / "demo.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(kept))
