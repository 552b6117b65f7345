"""Admin > Login cards: who printed which, what became of each, and for how long a card is good."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from sqlalchemy import ColumnElement, Select, select

from sisportal.extensions import db
from sisportal.models import Account, LoginCard
from sisportal.models.database import writing
from sisportal.roster.text import folded
from sisportal.syncing import login_cards, notices
from sisportal.syncing.login_cards import CHOICES, DAYS
from sisportal.syncing.settings import write_setting
from sisportal.web.access import Rule, access
from sisportal.web.acting import released_engine, who
from sisportal.web.directory_words import listed_name
from sisportal.web.lists import MOST_WORDS, asked_choice, asked_search, asked_sort, ordered, page_of
from sisportal.web.portal import now
from sisportal.web.rendering import redirect_for, render_tab

blueprint = Blueprint("printed_cards", __name__, url_prefix="/admin/login-cards")

STATES = {"good": ("Good", "success"), "used": ("Used", "neutral"), "replaced": ("Replaced", "neutral")}
STATES |= {"expired": ("Too old", "neutral")}
"""Label and tone."""
SORTS: Mapping[str, list[Any]] = {"newest": [LoginCard.id], "name": [Account.search, LoginCard.id]}


@blueprint.get("")
@access(Rule.READ)
def listing() -> Response:
    return _page()


@blueprint.post("/days")
@access(Rule.WRITE)
def set_days() -> Response:
    """For how many days a card is good, where whoever prints it says nothing else."""
    days, asker = request.form.get("days", type=int), who()
    if days not in CHOICES:
        return _page(422, "Choose one of the numbers of days.")
    with writing(released_engine()).begin() as connection:
        if login_cards.days(connection) != days:
            write_setting(connection, DAYS, days)
            notices.record(
                connection, "settings-changed", "login cards", now(), actor=asker.name, actor_id=asker.id,
                address=asker.address, days=days,
            )  # fmt: skip
    flash(f"Cards are good for {days} {'day' if days == 1 else 'days'} from now on.", "success")
    return redirect_for(url_for(".listing"))


def _page(status: int = 200, error: str = "") -> Response:
    ids, pages = page_of(_asked())
    rows = {row.id: row for row in db.session.execute(_shown().where(LoginCard.id.in_(ids)))}
    moment = now()
    return render_tab(
        "printed_cards/cards.html",
        status=status,
        rows=[(rows[id_], login_cards.state(rows[id_], moment)) for id_ in ids],
        pages=pages,
        states=STATES,
        listed_name=listed_name,
        days=login_cards.days(db.session.connection()),
        choices=[(days, f"{days} day" if days == 1 else f"{days} days") for days in CHOICES],
        error=error,
        search=asked_search(),
        state=asked_choice("state", STATES),
        sort=asked_sort(SORTS, "-newest"),
    )


def _asked() -> Select[Any]:
    """The ids of every card that the URL asks for, in its order."""
    conditions: list[ColumnElement[bool]] = [
        Account.search.contains(word, autoescape=True) | LoginCard.printed_by.icontains(word, autoescape=True)
        for word in folded(asked_search()).split()[:MOST_WORDS]
    ]
    conditions += _in_state(asked_choice("state", STATES))
    statement = select(LoginCard.id).join(Account, Account.id == LoginCard.account_id).where(*conditions)
    return ordered(statement, SORTS, asked_sort(SORTS, "-newest"))


def _in_state(state: str) -> list[ColumnElement[bool]]:
    match state:
        case "good":
            return [LoginCard.ended_at.is_(None), LoginCard.expires_at > now()]
        case "used":
            return [LoginCard.used.is_(True)]
        case "replaced":
            return [LoginCard.ended_at.is_not(None), LoginCard.used.is_(False)]
        case "expired":
            return [LoginCard.ended_at.is_(None), LoginCard.expires_at <= now()]
    return []


def _shown() -> Select[*tuple[Any, ...]]:
    return select(
        LoginCard.id, LoginCard.account_id, LoginCard.printed_by, LoginCard.created_at, LoginCard.expires_at,
        LoginCard.ended_at, LoginCard.used, Account.first_name, Account.preferred_name, Account.last_name,
        Account.username,
    ).join(Account, Account.id == LoginCard.account_id)  # fmt: skip
