"""What every process of the portal stands on: settings, clock, keys, database and queue, in an application without pages."""

import logging
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.logging import default_handler

from sisportal.config import PROJECT, Settings
from sisportal.extensions import db
from sisportal.models.database import engine_options, prepare_engine
from sisportal.syncing.breached import breached_by
from sisportal.syncing.connections import OpenProvider, opener
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.progress import Clock
from sisportal.syncing.queue import StageQueue, connect


def utc_now() -> datetime:
    """The portal's clock."""
    return datetime.now(UTC)


def create_portal(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    open_provider: OpenProvider | None = None,
    queue: StageQueue | None = None,
    **config: Any,
) -> Flask:
    """The portal as a worker needs it. Neither the database nor the queue is touched yet.

    The keywords stand in for the real ones in tests; those in capitals are Flask's settings.
    """
    _log()
    app = Flask(__name__, static_folder=str(PROJECT / "static"), template_folder=str(PROJECT / "templates"))
    app.config.from_mapping(_config(settings), **config)
    cipher = Cipher(settings.secret_key)
    app.extensions.update(
        settings=settings,
        clock=clock,
        cipher=cipher,
        is_breached=breached_by(settings.breached_passwords),
        open_provider=open_provider or opener(cipher),
        queue=queue or StageQueue(connect(settings.redis_url)),
    )
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    return app


def _config(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.database_url),
    }


def _log() -> None:
    """Everything of the portal's own, in one form, to the console."""
    logger = logging.getLogger("sisportal")
    logger.setLevel(logging.INFO)
    if default_handler not in logger.handlers:
        logger.addHandler(default_handler)
