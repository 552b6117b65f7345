"""``flask user``: accounts made, listed, archived, reactivated and given another role by the command line (SPEC 10)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Connection, select

from sisportal.commands.answers import print_json, print_json_list, print_table
from sisportal.commands.entry import ACTOR, JSON, Failed, Portal, portal
from sisportal.commands.first_start import user, warn_if_guessed
from sisportal.models import Account, AccountRole, Organization
from sisportal.models.database import writing
from sisportal.roster.entered import tidied
from sisportal.roster.fields import Values
from sisportal.roster.text import folded
from sisportal.syncing import accounts, administrators, second_factor
from sisportal.syncing.by_hand import Invalid
from sisportal.syncing.explaining import LABELS
from sisportal.syncing.review import Who
from sisportal.syncing.rows import read

__all__ = ["user"]  # with the commands of this module in it

ROLE = click.Choice([str(role) for role in AccountRole])
NAMED = click.argument("named", metavar="USERNAME")
ORGANIZATION = click.option("--organization", metavar="NAME", help="The organization that they belong to.")
_TEXTS = ("email", "first_name", "last_name", "student_id", "teacher_id", "sis_id", "grade")
_WHO = Who(ACTOR)


@user.command("create")
@click.argument("username")
@click.option("--role", type=ROLE, required=True)
@click.option("--first-name", default="")
@click.option("--last-name", default="")
@click.option("--email", default="")
@click.option("--student-id", default="")
@click.option("--teacher-id", default="")
@click.option("--sis-id", default="")
@click.option("--grade", default="")
@ORGANIZATION
@click.option("--password", help="Without one, nobody signs in with it until a link or a reset gives it one.")
@JSON
def create(
    username: str, role: str, organization: str | None, password: str | None, as_json: bool, **texts: str
) -> None:
    """Make an account."""
    here = portal()
    if password is not None:
        administrators.check_password(password)
    values: Values = {**tidied({name: texts[name] for name in _TEXTS}), "username": username.strip(), "role": role}
    with writing(here.engine).begin() as connection:
        values["organization"] = _organization(connection, organization)
        account_id = _checked(lambda: accounts.make(connection, values, _WHO, here.clock()))
    if password is not None:
        administrators.reset_password(here.engine, values["username"], password, here.clock(), actor=ACTOR)
        warn_if_guessed(password)
    _show(here, account_id, "is made", as_json=as_json)


@user.command("list")
@click.option("--role", type=ROLE)
@click.option("--state", type=click.Choice(["active", "archived", "all"]), default="active", show_default=True)
@click.option(
    "--search", metavar="WORDS", default="", help="Only where name, username, e-mail or ids hold these words."
)
@JSON
def list_(role: str | None, state: str, search: str, as_json: bool) -> None:
    """List accounts, by name."""
    conditions = [Account.search.contains(word, autoescape=True) for word in folded(search).split()]
    if role:
        conditions.append(Account.role == role)
    if state != "all":
        conditions.append(Account.archived_at.is_(None) if state == "active" else Account.archived_at.is_not(None))
    with portal().engine.connect() as connection:
        rows = read(connection, _statement().where(*conditions).order_by(Account.search, Account.id))
        if as_json:
            print_json_list(_told(row) for row in rows)
            return
        found = [_told(row) for row in rows]
    print_table(
        ("id", "username", "name", "role", "organization", ""),
        [
            (each["id"], each["username"], f"{each['first_name']} {each['last_name']}".strip(), each["role"],
             each["organization"] or "", "archived" if each["archived"] else "")
            for each in found
        ],
    )  # fmt: skip


@user.command("archive")
@NAMED
@JSON
def archive(named: str, as_json: bool) -> None:
    """Archive an account, which signs it out everywhere. No sync brings it back."""
    _change(named, accounts.archive, "is archived", "was archived already", as_json=as_json)


@user.command("reactivate")
@NAMED
@JSON
def reactivate(named: str, as_json: bool) -> None:
    """Take an account out of the archive."""
    _change(named, accounts.reactivate, "is active again", "was active already", as_json=as_json)


@user.command("reset-second-factor")
@NAMED
@JSON
def reset_second_factor(named: str, as_json: bool) -> None:
    """Let the password alone sign in again, for somebody who has lost telephone and recovery codes."""

    def remove(connection: Connection, account_id: int, who: Who, now: datetime) -> bool:
        return second_factor.remove(connection, account_id, who, now, "second-factor-reset")

    _change(
        named, remove, "has no second factor now, and is signed out everywhere", "had no second factor", as_json=as_json
    )


@user.command("role")
@NAMED
@click.argument("role", type=ROLE)
@ORGANIZATION
@JSON
def role_(named: str, role: str, organization: str | None, as_json: bool) -> None:
    """Give an account another role; an organization administrator needs an organization."""

    def change(connection: Connection, account_id: int, who: Who, now: datetime) -> list[str]:
        values: Values = {"role": role}
        if organization is not None:
            values["organization"] = _organization(connection, organization)
        changed: list[str] = _checked(lambda: accounts.change(connection, account_id, values, who, now))
        return changed

    _change(named, change, f"is {role} now", f"was {role} already", as_json=as_json)


def _change(named: str, change: Callable[..., Any], done: str, before: str, *, as_json: bool) -> None:
    here = portal()
    with writing(here.engine).begin() as connection:
        account_id = accounts.find(connection, named)
        changed = change(connection, account_id, _WHO, here.clock())
    _show(here, account_id, done if changed else before, as_json=as_json)


def _checked(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except Invalid as invalid:
        told = (f"{LABELS.get(name, name)}: {message}" for name, message in invalid.errors.items())
        raise Failed(" ".join(told)) from invalid


def _organization(connection: Connection, name: str | None) -> int | None:
    if name is None:
        return None
    rows = connection.execute(select(Organization.id, Organization.name).where(Organization.archived_at.is_(None)))
    found = [row.id for row in rows if folded(row.name) == folded(name)]
    if len(found) != 1:
        raise Failed(f"{'No' if not found else 'More than one'} active organization is called {name}.")
    return int(found[0])


def _statement() -> Any:
    columns = (
        Account.id, Account.username, Account.role, Account.first_name, Account.last_name, Account.email,
        Account.archived_at, Organization.name.label("organization"),
    )  # fmt: skip
    return select(*columns).outerjoin(Organization, Organization.id == Account.organization_id)


def _told(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "username": row.username, "role": row.role, "first_name": row.first_name,
        "last_name": row.last_name, "email": row.email, "organization": row.organization,
        "archived": row.archived_at is not None,
    }  # fmt: skip


def _show(here: Portal, account_id: int, what: str, *, as_json: bool) -> None:
    with here.engine.connect() as connection:
        told = _told(connection.execute(_statement().where(Account.id == account_id)).one())
    if as_json:
        print_json(told)
    else:
        click.echo(f"{told['username']} {what}.")
