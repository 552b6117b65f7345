"""``flask sis connect oneroster`` and ``connect csv``: where OneRoster is read from, and when the school year is."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from sisportal.commands.answers import note
from sisportal.commands.connections import connect, show, sis, try_out
from sisportal.commands.entry import ACTOR, JSON, Portal, portal
from sisportal.models.database import writing
from sisportal.providers.oneroster_api import ONEROSTER_VERSIONS
from sisportal.providers.opening import address_with_query, clean_address
from sisportal.syncing import apps, notices
from sisportal.syncing.connections import DAYS, settle_version
from sisportal.syncing.connections import connect as store_connection

__all__ = ["sis"]  # with the commands of this module in it

F = TypeVar("F", bound=Callable[..., Any])
DAY = click.DateTime(["%Y-%m-%d"])


def _school_year(command: F) -> F:
    """The options that say when the school year and the semester are."""
    for words, required in (
        ("--semester-end", False), ("--semester-start", False), ("--year-end", True), ("--year-start", True)
    ):  # fmt: skip
        helped = f"{'Last' if 'end' in words else 'First'} day of the {'school year' if required else 'semester'}."
        command = click.option(words, type=DAY, required=required, metavar="DATE", help=helped)(command)
    return command


@connect.command("oneroster")
@click.option("--base-url", required=True, help="Of the SIS; with or without /ims/oneroster/...")
@click.option("--client-id", help="With --client-secret: OAuth 2 where a --token-url is given, else OAuth 1.0a.")
@click.option("--client-secret")
@click.option("--token-url", help="Where OAuth 2 tokens are read.")
@click.option("--signature", type=click.Choice(["sha256", "sha1"]), default="sha256", show_default=True)
@click.option("--bearer", help="Instead of a client: a fixed token.")
@click.option("--version", type=click.Choice(ONEROSTER_VERSIONS), help="Found out where it is not given.")
@_school_year
@JSON
def oneroster(base_url: str, version: str | None, as_json: bool, **given: Any) -> None:
    """Connect a OneRoster server, and say what it answers. Without network the connection is stored all the same."""
    if not given["bearer"] and not (given["client_id"] and given["client_secret"]):
        raise click.UsageError("Give --client-id and --client-secret, or --bearer.")
    here = portal()
    settings = {
        "base_url": clean_address(base_url),
        "client_id": given["client_id"] or "",
        "token_url": address_with_query(given["token_url"]) if given["token_url"] else "",
        "signature": given["signature"],
        "any_version": version is None,
        **_days(given),
    }
    secrets = {name: given[name] for name in ("client_secret", "bearer") if given[name]}
    kept = here.cipher.encrypt(secrets)
    connection_id = store_connection(here.engine, "oneroster", settings, kept, here.clock(), version=version or "")
    _install(here, "oneroster", base_url=settings["base_url"])
    trial = try_out(here, connection_id)
    if version is None and trial.version:
        settle_version(here.engine, connection_id, trial.version, here.clock())
    show("oneroster", trial, as_json=as_json)


@connect.command("csv")
@_school_year
@JSON
def csv(as_json: bool, **given: Any) -> None:
    """Take OneRoster CSV files. Each sync reads the file that it is given."""
    here = portal()
    connection_id = store_connection(here.engine, "csv", _days(given), None, here.clock())
    _install(here, "csv")
    show("csv", try_out(here, connection_id), as_json=as_json)


def _install(here: Portal, kind: str, **details: Any) -> None:
    with writing(here.engine).begin() as connection:
        installed = apps.install(connection, kind, here.clock())
        notices.record(connection, "connected", kind, here.clock(), actor=ACTOR, **details)
    for name in installed:
        note(f"{apps.APPS[name].label} is installed.")


def _days(given: dict[str, datetime | None]) -> dict[str, str]:
    """The days that were given, ISO or blank. Each pair must run forwards."""
    days = {name: day.date().isoformat() if (day := given[name]) else "" for name in DAYS}
    for what in ("year", "semester"):
        if days[f"{what}_start"] > (days[f"{what}_end"] or "9999"):
            raise click.BadParameter(f"The {what} ends before it starts.", param_hint=f"--{what}-end")
    return days
