"""Printing login cards: of a class by its teacher or an administrator, of one person by whoever manages their account."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, request
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Account, AccountRole, Membership
from sisportal.models.database import writing
from sisportal.syncing import login_cards
from sisportal.syncing.login_cards import CHOICES
from sisportal.web.access import Rule, access, current
from sisportal.web.acting import released_engine, who
from sisportal.web.frame import person_name
from sisportal.web.own_classes import own_classes
from sisportal.web.portal import now
from sisportal.web.rendering import render_tab
from sisportal.web.scope import get_account, get_class, may_manage, may_manage_account, visible_accounts

blueprint = Blueprint("login_cards", __name__)

WHOM = {
    "without-both": "Students without an e-mail address who have no password yet",
    "without-password": "Students who have no password yet",
    "all": "Every student of the class",
}


@blueprint.get("/classes/<int:class_id>/login-cards")
@access(Rule.MANAGE)
def ask(class_id: int) -> Response:
    """Asks whom to print cards for."""
    found = _managed_class(class_id)
    return _ask(found.name, f"/classes/{class_id}", _students(class_id))


@blueprint.post("/classes/<int:class_id>/login-cards")
@access(Rule.MANAGE)
def print_class(class_id: int) -> Response:
    """The sheet of a class."""
    found = _managed_class(class_id)
    return _print(found.name, f"/classes/{class_id}", _students(class_id))


@blueprint.get("/my-classes/<int:class_id>/login-cards")
@access(Rule.SIGNED_IN)
def ask_mine(class_id: int) -> Response:
    """The same for a class that one teaches; 404 for any other."""
    return _ask(_taught(class_id), f"/my-classes/{class_id}", _students(class_id, mine=True))


@blueprint.post("/my-classes/<int:class_id>/login-cards")
@access(Rule.SIGNED_IN)
def print_mine(class_id: int) -> Response:
    """The sheet of a class that one teaches, or the card of one of its students."""
    name, students = _taught(class_id), _students(class_id, mine=True)
    if "student" in request.form:
        students = [each for each in students if each.id == request.form.get("student", type=int)]
        return _sheet(name, f"/my-classes/{class_id}", students or abort(404))
    return _print(name, f"/my-classes/{class_id}", students)


@blueprint.post("/accounts/<int:account_id>/login-card")
@access(Rule.MANAGE)
def print_account(account_id: int) -> Response:
    """The card of one person."""
    account = get_account(account_id)
    if not may_have_card(account):
        abort(403)
    return _sheet(person_name(account), f"/accounts/{account_id}", [account])


def may_have_card(account: Account) -> bool:
    """Whether whoever is signed in may print a card for this account, which they see."""
    return account.role in login_cards.ROLES and account.archived_at is None and may_manage_account(account)


def cards_of(account_id: int) -> list[tuple[Any, str]]:
    """(card, what became of it) of an account, for its page."""
    moment = now()
    cards = login_cards.of_account(db.session.connection(), account_id)
    return [(card, login_cards.state(card, moment)) for card in cards]


def init_login_cards(app: Flask) -> None:
    """Lets the page of an account show its cards."""
    app.jinja_env.globals.update(login_cards_of=cards_of, may_have_login_card=may_have_card)


def _managed_class(class_id: int) -> Any:
    found = get_class(class_id)
    if not may_manage(found.organization_id):
        abort(403)
    return found


def _taught(class_id: int) -> str:
    """The name of a class that one teaches, or 404."""
    found = own_classes(current().id, class_id)
    return found[0].name if found and found[0].teaches else abort(404)


def _students(class_id: int, *, mine: bool = False) -> list[Any]:
    """The active students of a class: those that one sees, or of one's own class all."""
    statement = (
        select(Account)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.class_id == class_id, Membership.ended_by_sync.is_(None))
        .where(Membership.position >= Membership.STUDENT, Account.role == AccountRole.STUDENT)
        .where(Account.archived_at.is_(None), *([] if mine else visible_accounts()))
        .order_by(Account.search, Account.id)
    )
    return list(db.session.scalars(statement))


def _wanted(students: Sequence[Any], whom: str) -> list[Any]:
    match whom:
        case "all":
            return list(students)
        case "without-password":
            return [each for each in students if each.password_hash is None]
    return [each for each in students if each.password_hash is None and not each.email]


def _ask(name: str, back: str, students: Sequence[Any], status: int = 200) -> Response:
    numbers = {whom: len(_wanted(students, whom)) for whom in WHOM}
    first = next((whom for whom in WHOM if numbers[whom]), "all")
    return render_tab(
        "login_cards/ask.html",
        status=status,
        name=name,
        back=back,
        whom=[(value, f"{label}: {numbers[value]}", "") for value, label in WHOM.items()],
        chosen=first,
        number=len(students),
        choices=_choices(),
        days=login_cards.days(db.session.connection()),
        nobody=status == 422,
    )


def _print(name: str, back: str, students: Sequence[Any]) -> Response:
    wanted = _wanted(students, request.form.get("whom", ""))
    return _sheet(name, back, wanted) if wanted else _ask(name, back, students, 422)


def _sheet(name: str, back: str, accounts: Sequence[Any]) -> Response:
    """Cards for these accounts, shown this once."""
    settings, asker = current_app.extensions["settings"], who()
    asked = request.form.get("days", type=int)
    good_for = timedelta(days=asked if asked in CHOICES else login_cards.days(db.session.connection()))
    with writing(released_engine()).begin() as connection:
        cards = login_cards.make(connection, settings.secret_key, accounts, asker, good_for, now())
    return render_tab(
        "login_cards/sheet.html",
        name=name,
        back=back,
        cards=cards,
        address=settings.base_url.partition("://")[2] + "/login-card",
    )


def _choices() -> list[tuple[int, str]]:
    return [(days, f"{days} day" if days == 1 else f"{days} days") for days in CHOICES]
