"""Connecting, testing, mapping schools and setting options by the command line."""

from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Organization, OrganizationLink, SisConnection
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from sisportal.syncing.sample_district import SAMPLE
from tests.cli.conftest import CommandLine

CLOSED = "http://127.0.0.1:9"
"""Nothing listens there."""


def organizations(cli: CommandLine) -> list[tuple[str, str, str]]:
    """(name, slug, SIS ID) of each, and every link leads to one."""
    with cli.app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(
            select(Organization.name, Organization.slug, Organization.sis_id).order_by(Organization.id)
        )
        return [(row[0], row[1], row[2]) for row in rows]


def links(cli: CommandLine) -> dict[str, int]:
    with cli.app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(select(OrganizationLink.source_id, OrganizationLink.organization_id))
        return {row[0]: row[1] for row in rows}


def schools(sandbox: Served) -> list[tuple[str, str, str]]:
    """(id, name, SIS ID) of the district's schools, by name."""
    listed = [(school.id, school.name, school.sis_id) for school in sandbox.sandbox.district.schools]
    return sorted(listed, key=lambda school: school[1])


def test_connecting_says_what_clever_answers(cli: CommandLine, sandbox: Served) -> None:
    answer = cli.answer("sis", "connect", "clever", "--base-url", sandbox.url, "--token", sandbox.sandbox.token)

    assert (answer["connection"], answer["ok"]) == ("clever", True)
    assert {"subject": "students", "ok": True, "sentence": "60 students."} in answer["checks"]


def test_connecting_works_without_network_and_says_so(cli: CommandLine) -> None:
    answer = cli.answer("sis", "connect", "clever", "--base-url", CLOSED, "--token", "secret")

    assert answer["ok"] is False
    assert [check["subject"] for check in answer["checks"]] == ["district"]
    assert cli.answer("sis", "option", "clever", "api_version")["api_version"]["value"] == "3.1"


def test_connecting_installs_the_apps_that_it_needs(cli: CommandLine) -> None:
    cli.answer("sis", "connect", "clever", "--base-url", CLOSED, "--token", "secret", "--version", "3.0")

    assert cli.answer("app", "install", "clever")["installed"] == []
    assert cli.answer("sis", "option", "clever", "api_version")["api_version"]["value"] == "3.0"


def test_connecting_without_credentials_is_wrong_usage(cli: CommandLine) -> None:
    assert "Give the district's --token" in cli.failure("sis", "connect", "clever", "--base-url", CLOSED, code=2)


def test_an_address_that_is_none_is_refused(cli: CommandLine) -> None:
    said = cli.failure("sis", "connect", "clever", "--base-url", "ftp://clever", "--token", "secret")

    assert said.startswith("The address entered is not one that can be read.")


def test_clever_can_be_read_with_the_client_id_and_secret(cli: CommandLine, sandbox: Served) -> None:
    given = ("--client-id", "sandbox-client", "--client-secret", "sandbox-secret", "--login-url", sandbox.url)

    assert cli.answer("sis", "connect", "clever", "--base-url", sandbox.url, *given)["ok"] is True


def test_a_wrong_token_fails_the_test_with_what_to_check(cli: CommandLine, sandbox: Served) -> None:
    cli.answer("sis", "connect", "clever", "--base-url", sandbox.url, "--token", "wrong")

    answer = cli.answer("sis", "test", "clever", code=1)

    assert answer["ok"] is False
    assert answer["checks"][0]["sentence"].startswith("The SIS did not accept the token (401 on /v3.1/districts).")


def test_a_test_of_what_works_ends_well(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)

    assert cli.answer("sis", "test", "clever")["ok"] is True


def test_what_is_not_connected_is_named(cli: CommandLine) -> None:
    said = cli.failure("sis", "test", "clever")

    assert said == "clever is not connected yet. Connect it with: flask sis connect clever"


def test_the_schools_are_listed_by_name(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)

    listed = cli.answer("sis", "schools", "clever")

    assert [(each["id"], each["name"], each["sis_id"]) for each in listed] == schools(sandbox)
    assert {each["organization"] for each in listed} == {None}


def test_schools_known_from_before_are_listed_while_clever_is_away(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)
    before = cli.answer("sis", "schools", "clever")
    sandbox.sandbox.faults.add(Fault(name="401"))

    result = cli.run("sis", "schools", "clever")

    assert result.exit_code == 0
    assert result.stderr.strip().endswith("These are the schools known from before.")
    assert cli.answer("sis", "schools", "clever") == before


def test_a_school_is_mapped_to_an_organization_that_is_made_for_it(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)
    source_id, _, sis_id = schools(sandbox)[0]

    cli.answer("sis", "map", "clever", source_id, "--organization", "  St. Mary's  École ")

    assert organizations(cli) == [("St. Mary's École", "st-marys-ecole", sis_id)]
    assert links(cli) == {source_id: 1}
    assert cli.answer("sis", "schools", "clever")[0]["organization"] == "St. Mary's École"


def test_two_schools_may_be_one_organization(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)
    first, second = (school[0] for school in schools(sandbox)[:2])

    cli.answer("sis", "map", "clever", first, "--organization", "Campus")
    cli.answer("sis", "map", "clever", second, "--organization", "CAMPUS")

    assert len(organizations(cli)) == 1
    assert links(cli) == {first: 1, second: 1}


def test_organizations_of_like_names_have_addresses_of_their_own(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)
    first, second = (school[0] for school in schools(sandbox)[:2])

    cli.answer("sis", "map", "clever", first, "--organization", "North/South")
    cli.answer("sis", "map", "clever", second, "--organization", "North South")

    assert [slug for _, slug, _ in organizations(cli)] == ["north-south", "north-south-2"]


def test_a_school_that_is_ignored_loses_its_organization_and_the_organization_stays(
    cli: CommandLine, sandbox: Served
) -> None:
    cli.connect(sandbox)
    source_id = schools(sandbox)[0][0]
    cli.answer("sis", "map", "clever", source_id, "--organization", "Campus")

    cli.answer("sis", "map", "clever", source_id, "--ignore")

    assert (links(cli), len(organizations(cli))) == ({}, 1)
    assert cli.answer("sis", "schools", "clever")[0]["mapping"] == "ignored"


def test_a_school_that_clever_does_not_list_cannot_be_mapped(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)

    said = cli.failure("sis", "map", "clever", "nowhere", "--organization", "Campus")

    assert said == "The SIS lists no school with the id 'nowhere'. List the schools with: flask sis schools clever"
    assert organizations(cli) == []


def test_auto_create_makes_an_organization_for_each_school_but_the_ignored(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)
    ignored, *others = schools(sandbox)
    cli.answer("sis", "map", "clever", ignored[0], "--ignore")

    mapped = cli.answer("sis", "map", "clever", "--auto-create")

    assert sorted(each["organization"] for each in mapped) == [name for _, name, _ in others]
    assert set(links(cli)) == {source_id for source_id, _, _ in others}


def test_auto_create_twice_makes_nothing_more(cli: CommandLine, sandbox: Served) -> None:
    cli.map_all(sandbox)
    before = organizations(cli)

    again = cli.answer("sis", "map", "clever", "--auto-create")

    assert [each["made"] for each in again] == [False, False, False]
    assert organizations(cli) == before


def test_auto_create_takes_an_organization_of_equal_name_and_keeps_a_mapping(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)
    (first, name, _), (second, _, _), _ = schools(sandbox)
    cli.answer("sis", "map", "clever", first, "--organization", name.upper())
    cli.answer("sis", "map", "clever", first, "--ignore")
    cli.answer("sis", "map", "clever", second, "--organization", "Elsewhere")
    cli.answer("sis", "map", "clever", first, "--organization", name)

    cli.answer("sis", "map", "clever", "--auto-create")

    assert [name for name, _, _ in organizations(cli)][:2] == [name.upper(), "Elsewhere"]
    assert (links(cli)[first], links(cli)[second]) == (1, 2)


def test_mapping_takes_one_way_at_a_time(cli: CommandLine) -> None:
    for words in (
        [],
        ["x"],
        ["x", "--ignore", "--organization", "A"],
        ["x", "--auto-create"],
        ["x", "--organization", " "],
    ):
        assert cli.run("sis", "map", "clever", *words).exit_code == 2


def test_every_option_is_listed_with_its_default_choices_and_help(cli: CommandLine) -> None:
    cli.answer("sis", "connect", "clever", "--base-url", CLOSED, "--token", "secret")

    options = cli.answer("sis", "option", "clever")

    assert list(options)[:3] == ["api_version", "items", "changes"]
    assert options["blanks"] == {
        "value": "ignore",
        "default": "ignore",
        "choices": ["ignore", "replace"],
        "help": "Ignore: a blank never overwrites a value. Replace: it does.",
    }


def test_an_option_is_set_and_shown(cli: CommandLine) -> None:
    cli.answer("sis", "connect", "clever", "--base-url", CLOSED, "--token", "secret")

    cli.answer("sis", "option", "clever", "changes", "adds,edits")

    assert cli.run("sis", "option", "clever", "changes").stdout == "adds,edits\n"


def test_an_option_or_a_value_that_is_none_is_wrong_usage(cli: CommandLine) -> None:
    cli.answer("sis", "connect", "clever", "--base-url", CLOSED, "--token", "secret")

    assert "There is no option 'colour'" in cli.failure("sis", "option", "clever", "colour", code=2)
    assert "There is no option 'colour'" in cli.failure("sis", "option", "clever", "colour", "red", code=2)
    assert "cannot be 'maybe'" in cli.failure("sis", "option", "clever", "blanks", "maybe", code=2)


def test_a_connection_that_is_none_is_wrong_usage(cli: CommandLine) -> None:
    assert "'skyward' is not one of" in cli.failure("sis", "schools", "skyward", code=2)


def test_an_answer_in_json_is_nothing_but_json(cli: CommandLine, sandbox: Served) -> None:
    result = cli.run("sis", "connect", "clever", "--base-url", sandbox.url, "--token", sandbox.sandbox.token, "--json")

    assert (result.stdout[0], result.stdout[-2:]) == ("{", "}\n")
    assert result.stderr == "SIS integration is installed.\nClever SIS is installed.\n"


def test_clever_is_not_connected_in_the_place_of_the_sample(cli: CommandLine, sandbox: Served) -> None:
    cli.connect(sandbox)
    with cli.app.app_context():
        held = db.session.scalars(select(SisConnection)).one()
        held.settings = held.settings | {SAMPLE: True}
        db.session.commit()

    told = cli.failure("sis", "connect", "clever", "--base-url", CLOSED, "--token", "own")

    assert told.startswith("The sample district stands in this place. Remove it in the browser: SIS, Status")
    with cli.app.app_context():
        settings = db.session.scalars(select(SisConnection.settings)).one()
    assert (settings["base_url"], settings[SAMPLE]) == (sandbox.url, True)
