"""A site that shows every part of the design system with made-up values; `python -m tests.web.style_site` serves it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, abort, flash, request
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from jinja2 import ChoiceLoader, FileSystemLoader

from sisportal.web import appearance
from sisportal.web.errors import init_errors
from sisportal.web.rendering import (
    Bell,
    NavEntry,
    Shell,
    init_rendering,
    redirect_for,
    render_invalid,
    render_partial,
    render_tab,
)
from sisportal.web.security import cookie_settings, init_security

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)
TABS = ("Status", "Configure", "History", "Overview", "Teachers", "Students", "Sync classes")
NAVIGATION = (
    ("Home", "home", ""),
    ("Organizations", "sitemap", ""),
    ("Accounts", "users", ""),
    ("Classes", "book", ""),
    ("Notifications", "bell", ""),
    ("SIS", "refresh", "Admin"),
    ("App center", "apps", "Admin"),
    ("Audit", "clipboard-list", "Admin"),
)
SURNAMES = ("Abara", "Bergström-Ångström", "Chen", "Díaz", "Eze", "Fontaine", "García Márquez", "Haddad")

blueprint = Blueprint("style", __name__)


@dataclass(frozen=True)
class Pages:
    """As much of a pagination as the pager reads."""

    page: int
    total: int
    per_page: int = 50

    @property
    def pages(self) -> int:
        return -(-self.total // self.per_page)

    @property
    def first(self) -> int:
        return (self.page - 1) * self.per_page + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.page * self.per_page, self.total)


def _shell() -> Shell:
    return Shell(
        portal_name="Lincoln Unified",
        home_url="/",
        navigation=[NavEntry(label, "/", icon, label == "SIS", group) for label, icon, group in NAVIGATION],
        person_name="Ada Lovelace",
        person_role="Administrator",
        sign_out_url="/sign-out",
        theme_url="/appearance",
        bell=Bell(unread=3, page_url="/", poll_url="/bell"),
    )


def _people() -> list[dict[str, Any]]:
    wanted = request.args.get("q", "").lower()
    people = [
        {
            "id": index,
            "name": f"{surname}, Mia",
            "email": f"mia{index}@example.org",
            "grade": index % 12 + 1,
            "school": "Northside High School",
            "verb": ("add", "edit", "delete", "reactivate")[index % 4],
            "ticked": index % 5 != 3,
        }
        for index, surname in enumerate(SURNAMES * 2)
    ]
    return [person for person in people if wanted in str(person["name"]).lower()]


def _style(tab: str, **more: object) -> dict[str, Any]:
    tabs = [{"label": name, "url": f"/{name.lower().replace(' ', '-')}", "current": name == tab} for name in TABS]
    total = 1204 if not request.args.get("q") else len(_people())
    return {
        "tab": tab,
        "tabs": tabs,
        "people": _people(),
        "pages": Pages(request.args.get("page", 1, type=int), total),
        "sort": request.args.get("sort", "name"),
        "now": NOW,
        "hour": timedelta(hours=1),
        "errors": {},
        **more,
    }


@blueprint.get("/")
@blueprint.get("/<tab>")
def style(tab: str = "status") -> Response:
    """The parts, under whichever tab; a tab that does not exist is the 404 page."""
    name = tab.replace("-", " ").capitalize()
    if name not in TABS:
        abort(404)
    return render_tab("style.html", **_style(name))


@blueprint.get("/bell")
def bell() -> Response:
    return render_partial("notifications/_bell.html", bell=Bell(unread=4, page_url="/", poll_url="/bell"))


@blueprint.post("/form")
def form() -> Response:
    """Refuses a blank address, accepts anything else."""
    if not request.form.get("address"):
        return render_invalid("style.html", **_style("Configure", errors={"address": "Type the address of the API."}))
    flash("The connection was saved.", "success")
    return redirect_for("/configure")


@blueprint.post("/tick/<int:person_id>")
def tick(person_id: int) -> Response:
    person = next(person for person in _people() if person["id"] == person_id)
    return render_partial("_style_row.html", person=person | {"ticked": "ticked" in request.form})


@blueprint.get("/error/<int:code>")
def error(code: int) -> Response:
    abort(code)


def make_style_site() -> Flask:
    app = Flask(__name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    app.config.update(cookie_settings(secure=False), SECRET_KEY="made-up", PROPAGATE_EXCEPTIONS=False)
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(ROOT / "templates"), FileSystemLoader(Path(__file__).parent / "templates")]
    )
    Htmx(app)
    CSRFProtect(app)
    init_rendering(app, shell=_shell, zone=lambda: ZoneInfo("Europe/Stockholm"), clock=lambda: NOW)
    init_security(app)
    init_errors(app, lambda _code: "Lincoln School")
    app.register_blueprint(blueprint)
    app.register_blueprint(appearance.blueprint)
    return app


if __name__ == "__main__":
    make_style_site().run(host="127.0.0.1", port=5077)
