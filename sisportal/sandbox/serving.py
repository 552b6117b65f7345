"""Serves a sandbox over HTTP: in a thread of this process for tests, or until it is stopped."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakSet

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sisportal.sandbox.service import Sandbox


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open between requests, answers at once, and says nothing about them."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves as a whole
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Remember the connection, to end it with the server."""
        super().setup()
        self.server.connections.add(self.connection)  # type: ignore[attr-defined]  # see make_http_server

    def run_wsgi(self) -> None:
        """Answer a request. The base class hangs up after each, unsure whether it was read to its end; a sandbox reads it."""
        try:
            for part in self.server.app(self.make_environ(), self._begin):
                if self.command != "HEAD":
                    self.wfile.write(part)
        except ConnectionError as error:
            self.connection_dropped(error)

    def _begin(self, status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        return self.wfile.write

    def log(self, type: str, message: str, *args: object) -> None:  # the base class calls it
        """Requests carry tokens and people's ids: none of it goes to a terminal."""

    def connection_dropped(self, error: BaseException, environ: object = None) -> None:  # noqa: ARG002  # as above
        """Hang up, be it that the client went or that a fault asks for it."""
        self.close_connection = True


@dataclass(frozen=True)
class Served:
    """A sandbox that can be reached."""

    sandbox: Sandbox
    url: str
    """Its address without a slash at the end: Clever's API and its sign-in in one."""


def make_http_server(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """A server with a thread for each connection; port 0 takes a free one."""
    server = make_server(host, port, sandbox, threaded=True, request_handler=_QuietHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of the threading mix-in
    server.block_on_close = False  # type: ignore[attr-defined]  # a slow fault must not hold up the end
    server.connections = WeakSet()  # type: ignore[attr-defined]  # of the handler above
    return server


@contextmanager
def serve(sandbox: Sandbox, port: int = 0) -> Iterator[Served]:
    """Serve from a thread of this process while the context lasts."""
    server = make_http_server(sandbox, port=port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.002}, name="sandbox", daemon=True)
    thread.start()
    try:
        yield Served(sandbox, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for connection in list(server.connections):  # type: ignore[attr-defined]  # of the handler above
            with suppress(OSError):  # ended by its client
                connection.shutdown(socket.SHUT_RDWR)
