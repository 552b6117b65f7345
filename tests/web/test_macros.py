"""The macros' own rules: what they escape, mark and leave out."""

import re

import pytest
from flask import Flask
from wtforms import BooleanField, Form, SelectField, StringField
from wtforms.validators import InputRequired

from tests.web.style_site import Pages, make_style_site


@pytest.fixture(scope="module")
def site() -> Flask:
    return make_style_site()


def drawn(site: Flask, file: str, call: str, **values: object) -> str:
    name = call.partition("(")[0]
    with site.test_request_context("/list?q=x&page=2"):
        template = site.jinja_env.from_string(f'{{% from "{file}" import {name} %}}{{{{ {call} }}}}')
        return " ".join(template.render(**values).split())


class Person(Form):
    name = StringField("Name", [InputRequired("Type the name.")], description="As in the SIS.")
    role = SelectField("Role", choices=[], validate_choice=False)
    active = BooleanField("Active")


def test_what_the_sis_says_is_shown_and_never_run(site: Flask) -> None:
    nasty = "<script>alert(1)</script>"

    texts = [
        drawn(site, "_macros.html", "badge(value)", value=nasty),
        drawn(site, "_macros.html", "state_badge(value)", value=nasty),
        drawn(site, "_macros_records.html", "key_values([('Name', value)])", value=nasty),
        drawn(site, "_macros_records.html", "before_after([('Name', value, 'Mia')])", value=nasty),
        drawn(site, "_macros_forms.html", "field('name', 'Name', value)", value=nasty),
        drawn(site, "_macros_charts.html", "bar_chart('x', [(value, {'info': 1})], [('info', 'edits')])", value=nasty),
    ]

    assert [("<script" in text, "&lt;script&gt;" in text) for text in texts] == [(False, True)] * 6


@pytest.mark.parametrize(
    ("pages", "text"),
    [
        (Pages(2, 1204), "51–100 of 1,204 classes"),  # noqa: RUF001 -- as the page writes it
        (Pages(1, 3), "3 classes"),
        (Pages(1, 1), "1 class"),
        (Pages(1, 0), "No classes"),
    ],
)
def test_a_list_always_states_its_total(site: Flask, pages: Pages, text: str) -> None:
    assert f"> {text} <" in drawn(site, "_macros_lists.html", "pager(pages, 'class', 'classes')", pages=pages)


def test_a_step_of_the_pager_keeps_the_search(site: Flask) -> None:
    pager = drawn(site, "_macros_lists.html", "pager(pages)", pages=Pages(2, 150))

    assert ('href="/list?q=x"' in pager, 'href="/list?q=x&amp;page=3"' in pager) == (True, True)


def test_a_link_of_a_list_keeps_the_focus_and_a_page_is_read_from_its_top(site: Flask) -> None:
    pager = drawn(site, "_macros_lists.html", "pager(pages, target='people')", pages=Pages(2, 150))
    sort = drawn(site, "_macros_lists.html", "sort_header('Name', 'name', 'name', 'people')")
    filters = drawn(
        site,
        "_macros_lists.html",
        "filter_links('State', 'state', [('', 'All', 3), ('gone', 'Gone', none)], '', 'people')",
    )

    assert re.findall(' id="([^"]+)"', pager + sort + filters) == [
        "people-chevrons-left", "people-chevron-left", "people-chevron-right", "people-chevrons-right",
        "people-sort-name", "people-state-all", "people-state-gone",
    ]  # fmt: skip
    assert [part.count('hx-swap="outerHTML show:top"') for part in (pager, sort, filters)] == [4, 0, 0]


def test_the_sorted_column_says_so_and_offers_the_other_direction(site: Flask) -> None:
    up = drawn(site, "_macros_lists.html", "sort_header('Name', 'name', 'name')")
    down = drawn(site, "_macros_lists.html", "sort_header('Name', 'name', '-name')")
    other = drawn(site, "_macros_lists.html", "sort_header('Name', 'name', 'grade')")

    assert ('aria-sort="ascending"' in up, "sort=-name" in up) == (True, True)
    assert ('aria-sort="descending"' in down, "sort=name" in down) == (True, True)
    assert ("aria-sort" in other, "sort=name" in other) == (False, True)


def test_only_a_field_that_differs_is_marked(site: Flask) -> None:
    table = drawn(site, "_macros_records.html", "before_after([('A', 'x', 'x'), ('B', '', 'y'), ('C', 'z', none)])")

    assert (table.count('class="changed"'), table.count("<ins>"), table.count("<del>")) == (2, 1, 1)


def test_progress_without_a_total_claims_no_share(site: Flask) -> None:
    bar = drawn(site, "_macros.html", "progress('Fetching', 350, 0)")

    assert ("350 so far" in bar, "max=" in bar, "%" in bar) == (True, False, False)


def test_a_form_of_wtforms_shows_its_help_and_its_first_error(site: Flask) -> None:
    form = Person(data={"role": "student"})
    form.validate()

    name, role, active = (
        drawn(site, "_macros_forms.html", "form_field(f)", f=form[field]) for field in ("name", "role", "active")
    )

    assert 'aria-describedby="name-help name-error"' in name
    assert ("Type the name." in name, "As in the SIS." in name) == (True, True)
    assert ('class="form-select"' in role, "optional" in role) == (True, True)
    assert ('class="form-check-input"' in active, "aria-invalid" in active) == (True, False)


def test_a_chart_of_nothing_is_drawn(site: Flask) -> None:
    assert "<rect" not in drawn(site, "_macros_charts.html", "bar_chart('Changes', [], [])")
