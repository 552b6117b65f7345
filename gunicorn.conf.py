"""How gunicorn serves the portal: where HOST and PORT say, by one process of several threads."""

import os
from typing import Any

from sisportal.config import load

_settings = load(os.environ)

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
threads = 8
graceful_timeout = 5
control_socket_disable = True  # nobody steers it but by signals, and its socket would lie outside the data folder


def post_worker_init(worker: Any) -> None:
    """Says on the console how a portal that nobody has set up is set up."""
    from sisportal.web.setup import announce  # noqa: PLC0415 - the portal is loaded by the worker, not by its parent

    announce(worker.app.wsgi())
