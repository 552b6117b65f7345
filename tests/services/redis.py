"""Redis: a real server on a socket, emptied after each test."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from jobs.queue_server import answers, command, find_server

START_SECONDS = 10


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a running server; each worker of a parallel run has its own."""
    with tempfile.TemporaryDirectory(prefix="portal-redis-") as name:
        url = f"unix://{name}/redis.sock"
        with subprocess.Popen(command(find_server(), url, Path(name))) as server:
            limit = time.monotonic() + START_SECONDS
            while not answers(url):
                assert server.poll() is None, "redis-server ended by itself"
                assert time.monotonic() < limit, "redis-server does not answer"
                time.sleep(0.02)
            yield url
            server.terminate()


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """The address of an empty Redis."""
    yield redis_server
    with Redis.from_url(redis_server) as client:
        client.flushall()
