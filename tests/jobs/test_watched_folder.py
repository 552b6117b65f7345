"""The clock and the watched folder."""

import os
import time

from flask import Flask

from jobs.schedule import tick
from sisportal.extensions import db
from sisportal.foundation import utc_now
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_csv import write_package
from sisportal.syncing.connections import MAP_ALL_FIRST, connect


def test_the_clock_takes_what_was_dropped_into_the_folder(portal: Flask) -> None:
    folder = portal.extensions["settings"].csv_folder
    connect(db.engine, "csv", {MAP_ALL_FIRST: True}, None, utc_now())
    tick(portal)
    with (folder / "roster.zip").open("wb") as out:
        write_package(generate(20), out)
    an_hour_ago = time.time() - 3600
    os.utime(folder / "roster.zip", (an_hour_ago, an_hour_ago))

    tick(portal)
    assert portal.extensions["queue"].waiting() == set()
    tick(portal)

    assert len(portal.extensions["queue"].waiting()) == 1
    assert [path.name.partition("-")[2] for path in (folder / "done").iterdir()] == ["roster.zip"]
