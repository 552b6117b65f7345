"""``flask setup``, ``flask user`` and ``flask app``: the first administrator, forgotten passwords, and the App center."""

import secrets
from zoneinfo import available_timezones

import click

from sisportal.commands.answers import note, print_json
from sisportal.commands.entry import ACTOR, JSON, Failed, PortalCommand, PortalGroup, portal
from sisportal.models.database import writing
from sisportal.roster.passwords import is_easily_guessed
from sisportal.syncing import apps, notices
from sisportal.syncing.administrators import make_administrator, reset_password
from sisportal.syncing.common_passwords import common_words
from sisportal.syncing.settings import NAME, TIMEZONE, read_setting, write_setting


def _zone(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and value not in available_timezones():
        raise click.BadParameter(f"{value!r} is not a time zone such as Europe/Berlin or America/New_York.")
    return value


@click.command("setup", cls=PortalCommand)
@click.option("--email", required=True, help="The administrator signs in with it.")
@click.option("--password", required=True)
@click.option("--name", help="What the school calls its portal.")
@click.option("--timezone", callback=_zone, help="Such as Europe/Berlin; UTC where none is given.")
@JSON
def setup(email: str, password: str, name: str | None, timezone: str | None, as_json: bool) -> None:
    """Make the first administrator; done again, it changes nothing."""
    here = portal()
    account_id = make_administrator(here.engine, email, password, here.clock(), actor=ACTOR)
    warn_if_guessed(password)
    with writing(here.engine).begin() as connection:
        for setting, value in ((NAME, name), (TIMEZONE, timezone)):
            if value and read_setting(connection, setting) != value:
                write_setting(connection, setting, value)
    if as_json:
        print_json({"id": account_id, "email": email})
    else:
        click.echo(f"{email} is an administrator.")


def warn_if_guessed(password: str) -> None:
    """Whoever types commands may choose as they like; what is tried first by everybody is said so."""
    if is_easily_guessed(password, (), common_words()):
        note("This password is guessed easily. Whoever signs in with it should change it under My account.")


@click.group("user", cls=PortalGroup)
def user() -> None:
    """Accounts of people."""


@user.command("reset-password")
@click.argument("email")
@click.option("--password", help="The new password; one is made up where none is given.")
@JSON
def reset(email: str, password: str | None, as_json: bool) -> None:
    """Give an account a new password and end its sessions."""
    here = portal()
    fresh = password or secrets.token_urlsafe(12)
    reset_password(here.engine, email, fresh, here.clock(), actor=ACTOR)
    warn_if_guessed(fresh)
    shown = {} if password else {"password": fresh}
    if as_json:
        print_json({"email": email} | shown)
        return
    click.echo(f"The new password of {email}: {fresh}" if shown else f"{email} has the new password.")


@click.group("app", cls=PortalGroup)
def app() -> None:
    """The App center."""


@app.command("install")
@click.argument("name")
@JSON
def install(name: str, as_json: bool) -> None:
    """Install an app, and those that it needs."""
    here, found = portal(), _app(name)
    with writing(here.engine).begin() as connection:
        added = apps.install(connection, found.name, here.clock())
        for each in added:
            notices.record(connection, "app-installed", each, here.clock(), actor=ACTOR)
    _say(found, added, "installed", as_json=as_json)


@app.command("disable")
@click.argument("name")
@JSON
def disable(name: str, as_json: bool) -> None:
    """Disable an app, and those that need it. Nothing that they hold is lost."""
    here, found = portal(), _app(name)
    with writing(here.engine).begin() as connection:
        removed = apps.disable(connection, found.name)
        for each in removed:
            notices.record(connection, "app-disabled", each, here.clock(), actor=ACTOR)
    _say(found, removed, "disabled", as_json=as_json)


def _app(name: str) -> apps.App:
    found = apps.find(name)
    if found is None:
        raise Failed(f"There is no app {name!r}. The apps are: {', '.join(apps.APPS)}.")
    return found


def _say(app: apps.App, changed: list[str], verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"app": app.name, verb: changed})
        return
    for name in changed:
        if name != app.name:
            note(f"{apps.APPS[name].label} is {verb} with it.")
    click.echo(f"{app.label} is {verb}." if changed else f"{app.label} was {verb} already.")
