"""What the whole site promises: every route has a rule that holds, every page its title and one heading."""

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from werkzeug.routing import AnyConverter
from werkzeug.routing import Rule as Route

from sisportal.extensions import db
from sisportal.models import Action, Mapping, Membership, Organization, SchoolClass, SisPerson, SisSchool, SisSection
from sisportal.models.database import writing
from sisportal.sandbox.serving import Served
from sisportal.syncing import password_links
from sisportal.syncing.commit import commit
from sisportal.syncing.connections import connect, load, map_school, remember_schools
from sisportal.syncing.prepare import prepare, request_sync
from sisportal.syncing.review import Who
from sisportal.web.access import Rule, rule_of
from tests.web.conftest import NOW, browser

SAMPLES: dict[str, Any] = {"kind": "clever", "filename": "app.css", "name": "clever", "slug": "main"}


def routes(app: Flask, *rules: Rule) -> Iterator[tuple[Route, str]]:
    """(route, method) of every view, or of those with one of the rules."""
    for route in app.url_map.iter_rules():
        if route.endpoint != "static" and (not rules or rule_of(app.view_functions[route.endpoint]) in rules):
            for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
                yield route, method


def path(app: Flask, route: Route, **samples: Any) -> str:
    """A path of the route: with the samples where there are some, else with ids that nothing has."""
    values = {name: (SAMPLES | samples).get(name, 999) for name in route.arguments} | choices(route)[0]
    values |= {name: samples[name] for name in choices(route)[0] if name in samples} | dict(route.defaults or {})
    return app.url_map.bind("localhost").build(route.endpoint, values, method=next(iter(route.methods or {"GET"})))


def choices(route: Route) -> list[dict[str, Any]]:
    """Every value of a part of the route that is one of a few words; one empty choice where there is no such part."""
    for name, converter in route._converters.items():
        if isinstance(converter, AnyConverter):
            return [{name: word} for word in sorted(converter.items)]
    return [{}]


def ask(app: Flask, client: FlaskClient, *rules: Rule) -> dict[str, Any]:
    """``GET /path`` -> (status, location) of every route with one of the rules."""
    answers = {}
    for route, method in routes(app, *rules):
        answer = client.open(path(app, route), method=method)
        answers[f"{method} {route.rule}"] = (answer.status_code, (answer.location or "").partition("?")[0])
    return answers


def test_every_route_has_a_rule(app: Flask) -> None:
    assert [route.rule for route, _ in routes(app) if rule_of(app.view_functions[route.endpoint]) is None] == []


def test_a_view_without_a_rule_is_closed_to_everybody(bare_app: Flask) -> None:
    bare_app.add_url_rule("/forgotten", view_func=lambda: "secret", endpoint="forgotten")
    assert bare_app.test_client().get("/forgotten").status_code == 404


def test_what_is_for_readers_only_reads(app: Flask) -> None:
    assert [route.rule for route, method in routes(app, Rule.READ, Rule.LOOK) if method != "GET"] == []


def test_nobody_sees_nothing_but_what_is_for_everybody(app: Flask, nobody: FlaskClient) -> None:
    answers = ask(app, nobody, *(rule for rule in Rule if rule is not Rule.EVERYBODY))
    assert {name: answer for name, answer in answers.items() if answer != (303, "/sign-in")} == {}


def test_a_viewer_changes_nothing(app: Flask, ben: FlaskClient) -> None:
    answers = ask(app, ben, Rule.WRITE, Rule.MANAGE)
    assert {name: answer for name, answer in answers.items() if answer[0] != 403} == {}


def test_a_teacher_does_not_even_learn_what_is_there(app: Flask, tom: FlaskClient) -> None:
    answers = ask(app, tom, Rule.READ, Rule.WRITE, Rule.LOOK, Rule.MANAGE)
    assert {name: answer for name, answer in answers.items() if answer[0] != 404} == {}


def test_ids_that_nothing_has_are_not_found(app: Flask, ada: FlaskClient) -> None:
    answers = {
        name: answer
        for name, answer in ask(app, ada, Rule.READ, Rule.WRITE, Rule.LOOK, Rule.MANAGE).items()
        if "<" in name and (answer[0] >= 500 or (name.startswith("GET") and "_id>" in name and answer[0] != 404))
    }
    assert answers == {}


def test_every_template_can_be_read(app: Flask) -> None:
    names = app.jinja_env.list_templates(extensions=["html"])
    assert len(names) > 10
    for name in names:
        app.jinja_env.get_template(name)


class Outline(HTMLParser):
    """The titles and first headings of a page, and whether it is a whole one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {"title": [], "h1": []}
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.found:
            self._inside = tag
            self.found[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[self._inside][-1] += data.strip()


@pytest.fixture
def samples(app: Flask, sandbox: Served) -> dict[str, list[Any]]:
    """The ids of a portal with a committed sync and a prepared one, by what routes call them."""
    with app.app_context():
        extensions, engine = app.extensions, db.engine
        secrets = extensions["cipher"].encrypt({"token": sandbox.sandbox.token})
        connection_id = connect(engine, "clever", {"base_url": sandbox.url}, secrets, NOW)
        with writing(engine).begin() as connection:
            schools = extensions["open_provider"](load(connection, connection_id)).schools()
            remember_schools(connection, connection_id, schools, NOW)
            map_school(connection, connection_id, schools[0].source_id, Mapping.MAPPED, None, NOW)
        for _ in range(2):
            sync_id = request_sync(engine, connection_id, NOW)
            prepare(engine, sync_id, extensions["open_provider"], extensions["clock"])
            if sync_id == 1:
                commit(engine, sync_id, extensions["clock"])
        with engine.connect() as connection:
            first = {
                "teachers": select(SisPerson.source_id).where(SisPerson.role == "teacher"),
                "students": select(SisPerson.source_id).where(SisPerson.role == "student"),
                "sections": select(SisSection.source_id),
                "schools": select(SisSchool.source_id).where(SisSchool.mapping == Mapping.MAPPED),
            }
            ids = {name: connection.scalar(statement.limit(1)) for name, statement in first.items()}
            classes = list(connection.scalars(select(SchoolClass.id).limit(1)))
            actions = list(connection.scalars(select(Action.id).limit(1)))
        with writing(engine).begin() as connection:
            place = {"class_id": classes[0], "account_id": 1, "position": 9}  # so that Ada has a class of her own
            connection.execute(insert(Membership), [place])
            connection.execute(insert(Organization), [{"name": "Main", "slug": "main", "created_at": NOW}])
            token = password_links.make(connection, 3, password_links.Purpose.SET, Who("a test"), NOW)
    return {"token": [token]} | {
        "source_id": [ids],
        "sync_id": [1, 2],
        "action_id": actions,
        "account_id": [1, 4],
        "class_id": classes,
        "organization_id": [1],
    }


def paths(app: Flask, samples: dict[str, list[Any]]) -> Iterator[str]:
    for route, method in routes(app):
        if method != "GET":
            continue
        for sync_id, choice in product(samples["sync_id"], choices(route)):
            ids = {name: values[-1] for name, values in samples.items()} | {"sync_id": sync_id} | choice
            words = {*route.rule.split("/"), *choice.values()}
            ids["source_id"] = next((id_ for name, id_ in samples["source_id"][0].items() if name in words), 999)
            if sync_id == samples["sync_id"][0] or route.arguments == {"sync_id"}:
                yield path(app, route, **ids)


def test_every_page_has_a_title_and_one_first_heading(
    app: Flask, ada: FlaskClient, samples: dict[str, list[Any]]
) -> None:
    wrong, pages = {}, 0
    for address in paths(app, samples):
        answer = ada.get(address)
        if answer.mimetype == "text/html" and answer.text.lstrip().startswith("<!doctype"):
            found = Outline(answer.text).found
            pages += 1
            if [len(texts) for texts in found.values()] != [1, 1] or not all(texts[0] for texts in found.values()):
                wrong[address] = found
    assert wrong == {}
    assert pages >= 2


def test_no_page_fails_and_each_is_a_panel_for_htmx(
    app: Flask, ada: FlaskClient, samples: dict[str, list[Any]]
) -> None:
    wrong = {}
    for address in paths(app, samples):
        whole = ada.get(address)
        if whole.status_code >= 400 and "notifications" not in address:
            wrong[address] = whole.status_code
        if whole.mimetype != "text/html" or whole.status_code != 200:
            continue
        part = ada.get(address, headers={"HX-Request": "true"})
        if part.status_code != 200 or (part.text.lstrip().startswith("<!doctype") and "bare" not in part.text):
            wrong[f"{address} by htmx"] = part.status_code
    assert wrong == {}


def test_a_page_is_small_and_asks_no_other_host_for_anything(
    app: Flask, ada: FlaskClient, samples: dict[str, list[Any]]
) -> None:
    for address in paths(app, samples):
        answer = ada.get(address)
        if answer.mimetype == "text/html":
            assert len(answer.data) < 200_000, address
            assert 'src="http' not in answer.text, address
            assert "style=" not in answer.text, address
            assert "<script>" not in answer.text, address


@pytest.mark.parametrize("who", [1, 2, 3])
def test_everybody_has_a_home_page(app: Flask, samples: dict[str, list[Any]], who: int) -> None:
    assert browser(app, who).get("/").status_code == 200
