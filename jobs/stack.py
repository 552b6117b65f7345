"""The whole portal on one machine: `python -m jobs.stack` starts what the Procfile lists and ends it with Ctrl-C.

With `--demo` a sample district stands beside it, connected, with a first sync prepared and waiting for review.
"""

import argparse
import http.client
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from jobs.children import ChildEnded, Children, Stopped
from jobs.demo import Demo
from jobs.queue_server import answers as queue_answers
from jobs.queue_server import was_unreadable
from jobs.ready import NotReady, require_database, require_free, require_own
from sisportal.config import PROJECT, ConfigError, Settings, load, local_url
from sisportal.folder import FolderInUse, held

START_SECONDS = 60


def procfile(text: str) -> dict[str, list[str]]:
    """Name to command, in the order of the file."""
    lines = (line.partition(":") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name.strip(): shlex.split(command) for name, _, command in lines}


def child_environ(environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """What the processes are started with: this portal's folder and address, and the environment's own programs."""
    return {
        **environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath))),
        "PYTHONUNBUFFERED": "1",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
    }


def web_answers(url: str) -> bool:
    """Whether anything answers HTTP there; a page that says what is wrong is an answer too."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def run(settings: Settings, environ: Mapping[str, str], demo: Demo | None) -> None:
    """Starts everything, says where it is, and keeps it up. Raises Stopped in the end, or ChildEnded."""
    address = local_url(settings.host, settings.port)
    commands = procfile((PROJECT / "Procfile").read_text())
    require_own(settings.data_dir)
    with held(settings.data_dir), Children(child_environ(environ, settings), str(PROJECT)) as children:
        require_free(settings.host, settings.port)
        require_database(settings)
        start_queue(children, commands.pop("queue"), settings)
        children.run("flask db upgrade", ["flask", "db", "upgrade"])
        if demo:
            children.start("sample", commands.pop("sample"))
            demo.prepare(children)
        for name, command in commands.items():
            children.start(name, command)
        children.wait_until(
            lambda: web_answers(address), seconds=START_SECONDS, otherwise=f"The portal does not answer at {address}."
        )
        say(greeting(settings, address, demo))
        children.stay()


def start_queue(children: Children, command: Sequence[str], settings: Settings) -> None:
    """Starts the queue and waits for it; where it could not read what it had kept, once more, which sets that aside."""
    try:
        _wait_for_queue(children, command, settings)
    except ChildEnded:
        if not settings.redis_is_embedded or not was_unreadable(settings.data_dir / "queue"):
            raise
        _wait_for_queue(children, command, settings)


def _wait_for_queue(children: Children, command: Sequence[str], settings: Settings) -> None:
    children.start("queue", command)
    children.wait_until(lambda: queue_answers(settings.redis_url), seconds=START_SECONDS, otherwise=_no_queue(settings))


def _no_queue(settings: Settings) -> str:
    if settings.redis_is_embedded:
        return f"The queue does not answer: see {settings.data_dir / 'queue' / 'redis.log'}."
    return "The Redis that REDIS_URL names does not answer. Start it, correct REDIS_URL, or leave it out for a queue of the portal's own."


def greeting(settings: Settings, address: str, demo: Demo | None) -> str:
    """What the terminal shows once the portal answers."""
    lines = [f"SIS Portal is ready: {address}"]
    if settings.base_url != address:
        lines.append(f"Browsers reach it at {settings.base_url}")
    lines += demo.greeting() if demo else ["A new portal asks for its first administrator there."]
    lines += [f"It keeps everything in {settings.data_dir}", "Ctrl-C ends it."]
    return "\n".join(("", *(f"  {line}" for line in lines), ""))


def say(text: str) -> None:
    """Prints at once, also where the output is a file."""
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m jobs.stack", description="Starts the portal on this machine.")
    parser.add_argument("--demo", action="store_true", help="with a sample district, connected and prepared")
    try:
        demo = Demo.make(os.environ) if parser.parse_args().demo else None
        settings = demo.settings if demo else load(os.environ)
        run(settings, os.environ, demo)
    except Stopped:
        say("\nSIS Portal has ended.")
    except (ConfigError, NotReady, FolderInUse, ChildEnded) as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
