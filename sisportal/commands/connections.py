"""``flask sis connect``, ``test``, ``schools``, ``map`` and ``option``: where a connection reads from, and how."""

from typing import Any

import click
import msgspec
from sqlalchemy import Connection

from sisportal.commands.answers import note, print_json, print_table
from sisportal.commands.entry import ACTOR, CONNECTION, JSON, Failed, Portal, PortalGroup, portal
from sisportal.models.database import writing
from sisportal.providers.base import Check, ProviderError
from sisportal.providers.opening import CLEVER_VERSIONS, plain_address
from sisportal.roster.options import OptionError, describe, with_option
from sisportal.syncing import apps, mapping, notices, sample_district
from sisportal.syncing.connections import MAP_ALL_FIRST, change_options, change_settings, load, option_texts
from sisportal.syncing.connections import connect as store_connection
from sisportal.syncing.packages import newest
from sisportal.syncing.review import Who
from sisportal.syncing.trials import Trial, try_connection

NO_FILE_YET = "Files are read as they come: flask sis prepare csv --file ZIP."


@click.group("sis", cls=PortalGroup)
def sis() -> None:
    """The student information system: connect it, prepare what it would change, commit that."""


@sis.group("connect", cls=PortalGroup)
def connect() -> None:
    """Say where a connection reads from; done again, it reads from the new place."""


@connect.command("clever")
@click.option("--base-url", help="Clever's API, without the version.  [default: CLEVER_API_URL]")
@click.option("--token", help="The district's token.")
@click.option("--client-id", help="Instead of a token: the application's client ID ...")
@click.option("--client-secret", help="... and its secret, with which the district's token is read.")
@click.option("--login-url", help="Where tokens are read.  [default: CLEVER_LOGIN_URL]")
@click.option("--version", type=click.Choice(CLEVER_VERSIONS), help="Of Clever's API; 3.1 for a new connection.")
@JSON
def clever(
    base_url: str | None,
    token: str | None,
    client_id: str | None,
    client_secret: str | None,
    login_url: str | None,
    version: str | None,
    as_json: bool,
) -> None:
    """Connect Clever, and say what it answers. Without network the connection is stored all the same."""
    here = portal()
    _not_beside_the_sample(here)
    if not token and not (client_id and client_secret):
        raise click.UsageError("Give the district's --token, or --client-id and --client-secret.")
    places = {
        "base_url": plain_address(base_url or here.settings.clever_api_url),
        "login_url": plain_address(login_url or here.settings.clever_login_url),
        "client_id": client_id or "",
    }
    secrets = {"token": token or "", "client_secret": client_secret or ""}
    kept = here.cipher.encrypt({name: value for name, value in secrets.items() if value})
    connection_id = store_connection(here.engine, "clever", places, kept, here.clock(), version=version or "")
    with writing(here.engine).begin() as connection:
        installed = apps.install(connection, "clever", here.clock())
        notices.record(connection, "connected", "clever", here.clock(), actor=ACTOR, base_url=places["base_url"])
    for name in installed:
        note(f"{apps.APPS[name].label} is installed.")
    show("clever", try_out(here, connection_id), as_json=as_json)


def _not_beside_the_sample(here: Portal) -> None:
    with here.engine.connect() as connection:
        row = sample_district.held(connection)
    if row is not None and sample_district.is_sample(row.settings):
        raise Failed(
            "The sample district stands in this place. Remove it in the browser: SIS, Status, Remove the sample district."
        )


@connect.command("sample")
@JSON
def sample(as_json: bool) -> None:
    """Connect the sample district of made-up people, in the place of Clever, to try things out."""
    here = portal()
    actor = Who(ACTOR, None, "")
    connection_id = sample_district.try_it(
        here.engine, here.settings.data_dir, here.cipher, here.settings.base_url, actor, here.clock()
    )
    show("clever", try_out(here, connection_id), as_json=as_json)


@sis.command("test")
@CONNECTION
@JSON
def test(kind: str, as_json: bool) -> None:
    """Say what of a connection works and what does not. Fails where something does not."""
    here = portal()
    trial = try_out(here, here.connection_id(kind))
    show(kind, trial, as_json=as_json)
    if not trial.ok:
        raise Failed(f"{kind} cannot be read as it should be.")


def try_out(here: Portal, connection_id: int) -> Trial:
    """What a connection answers."""
    with here.engine.connect() as connection:
        facts = load(connection, connection_id)
    if facts.kind == "csv":
        facts = msgspec.structs.replace(facts, package=newest(here.engine, connection_id))
        if not facts.package:
            return Trial([Check("file", ok=True, sentence=NO_FILE_YET)])
    return try_connection(here.open_provider, facts)


def show(kind: str, trial: Trial, *, as_json: bool) -> None:
    """Print what a connection answered."""
    if as_json:
        print_json({"connection": kind, "ok": trial.ok, "district": trial.district, "checks": trial.checks})
        return
    print_table(
        ("", "what", "answer"), [("ok" if check.ok else "NO", check.subject, check.sentence) for check in trial.checks]
    )


@sis.command("schools")
@CONNECTION
@JSON
def schools(kind: str, as_json: bool) -> None:
    """List the schools of the SIS, and the organizations that they are mapped to."""
    here = portal()
    connection_id = here.connection_id(kind)
    _read_schools(here, connection_id)
    with here.engine.connect() as connection:
        listed = mapping.list_schools(connection, connection_id)
    if as_json:
        print_json(listed)
        return
    print_table(
        ("id", "name", "SIS ID", "organization"),
        [(each.id, each.name, each.sis_id, each.organization or _mapped(each)) for each in listed],
    )


def _mapped(school: mapping.ListedSchool) -> str:
    return {"mapped": "the whole portal", "ignored": "ignored"}.get(school.mapping, "")


def _read_schools(here: Portal, connection_id: int) -> None:
    """Read the schools from the SIS; where it does not answer, those known from before have to do."""
    try:
        mapping.fetch_schools(here.engine, connection_id, here.open_provider, here.clock)
    except ProviderError as error:
        if not _known(here, connection_id):
            raise
        note(f"{error.message} These are the schools known from before.")


def _known(here: Portal, connection_id: int) -> list[str]:
    with here.engine.connect() as connection:
        return [school.id for school in mapping.list_schools(connection, connection_id)]


@sis.command("map")
@CONNECTION
@click.argument("school_id", required=False)
@click.option("--organization", metavar="NAME", help="Made where there is none of this name.")
@click.option("--ignore", is_flag=True, help="Keep the school out of every sync.")
@click.option("--auto-create", is_flag=True, help="An organization for each school.")
@JSON
def map_(
    kind: str, school_id: str | None, organization: str | None, ignore: bool, auto_create: bool, as_json: bool
) -> None:
    """Say which organization a school of the SIS is; schools that are not mapped are not synced."""
    _require_one(school_id, organization, ignore=ignore, auto_create=auto_create)
    here = portal()
    connection_id = here.connection_id(kind)
    known = _known(here, connection_id)
    if auto_create and kind == "csv" and not known:
        change_settings(here.engine, connection_id, here.clock(), **{MAP_ALL_FIRST: True})
        note("Every school of the first file will become an organization.")
    elif auto_create or school_id not in known:
        _read_schools(here, connection_id)
    try:
        with writing(here.engine).begin() as connection:
            if auto_create:
                mapped = _auto_create(here, connection, connection_id)
            else:
                mapped = _map_one(here, connection, connection_id, str(school_id), organization)
    except mapping.UnknownSchool as error:
        raise Failed(f"{error} List the schools with: flask sis schools {kind}") from error
    _say_mapped(mapped, school_id, as_json=as_json)


def _require_one(school_id: str | None, organization: str | None, *, ignore: bool, auto_create: bool) -> None:
    if [organization is not None, ignore, auto_create].count(True) != 1 or bool(school_id) == auto_create:
        raise click.UsageError("Give SCHOOL_ID with --organization NAME or --ignore; or --auto-create alone.")
    if organization is not None and not organization.strip():
        raise click.UsageError("The name of an organization cannot be blank.")


def _auto_create(here: Portal, connection: Connection, connection_id: int) -> list[mapping.Mapped]:
    mapped = mapping.auto_create(connection, connection_id, here.clock())
    notices.record(connection, "schools-mapped", f"{len(mapped)} schools", here.clock(), actor=ACTOR)
    return mapped


def _map_one(
    here: Portal, connection: Connection, connection_id: int, school_id: str, organization: str | None
) -> list[mapping.Mapped]:
    now = here.clock()
    if organization is None:
        mapping.ignore_school(connection, connection_id, school_id, now)
        notices.record(connection, "school-ignored", school_id, now, actor=ACTOR)
        return []
    apps.install(connection, "organizations", now)
    mapped = mapping.map_to_organization(connection, connection_id, school_id, organization, now)
    notices.record(connection, "school-mapped", school_id, now, actor=ACTOR, organization=mapped.organization)
    return [mapped]


def _say_mapped(mapped: list[mapping.Mapped], school_id: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(mapped)
        return
    for each in mapped:
        click.echo(f"{each.school} is {each.organization}{', which is new' if each.made else ''}.")
    if not mapped:
        click.echo(f"{school_id} is ignored." if school_id else "The SIS lists no schools.")


@sis.command("option")
@CONNECTION
@click.argument("name", required=False)
@click.argument("value", required=False)
@JSON
def option(kind: str, name: str | None, value: str | None, as_json: bool) -> None:
    """Show the options of a connection, or one of them, or set it. Several values are joined by commas."""
    here = portal()
    connection_id = here.connection_id(kind)
    if name is not None and value is not None:
        _set_option(here, connection_id, name, value)
    with here.engine.connect() as connection:
        described = describe(load(connection, connection_id).options, kind)
    if name is not None and name not in described:
        raise click.BadParameter(f"There is no option {name!r}. The options are: {', '.join(described)}.")
    shown = described if name is None else {name: described[name]}
    if as_json:
        print_json(shown)
    elif name is not None:
        click.echo(described[name]["value"])
    else:
        print_table(("option", "value", "default", "choices"), [_option_row(*each) for each in shown.items()])


def _option_row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    return name, entry["value"], entry["default"], ", ".join(entry["choices"])


def _set_option(here: Portal, connection_id: int, name: str, value: str) -> None:
    with here.engine.connect() as connection:
        facts = load(connection, connection_id)
    try:
        changed = with_option(facts.options, name, value, facts.kind)
    except OptionError as error:
        raise click.BadParameter(str(error)) from error
    change_options(here.engine, connection_id, changed, here.clock())
    with writing(here.engine).begin() as connection:
        now_set = option_texts(changed, [name])
        notices.record(connection, "options-changed", facts.kind, here.clock(), actor=ACTOR, options=now_set)
