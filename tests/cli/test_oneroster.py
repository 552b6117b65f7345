"""OneRoster by the command line: connected, mapped, prepared in full, as changes and for some schools; and CSV packages."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from sisportal.sandbox import edits
from sisportal.sandbox.oneroster_csv import write_package
from sisportal.sandbox.serving import Served
from tests.cli.conftest import CommandLine

YEAR = ("--year-start", "2026-08-01", "--year-end", "2027-07-31")
CLOSED = "http://127.0.0.1:9"


def connect(cli: CommandLine, sandbox: Served, *words: str) -> Any:
    access = sandbox.sandbox.oneroster.access
    return cli.answer(
        "sis", "connect", "oneroster", "--base-url", sandbox.url, *(words or ("--bearer", access.bearer)), *YEAR
    )


def package(sandbox: Served, folder: Path, **how: Any) -> str:
    path = folder / "roster.zip"
    with path.open("wb") as out:
        write_package(sandbox.sandbox.district, out, **how)
    return str(path)


def commit_all(cli: CommandLine, *words: str) -> Any:
    """Prepare and commit; the sync, committed."""
    sync = cli.answer("sis", "prepare", *words)
    return cli.answer("sis", "commit", sync["id"])


def test_connecting_says_what_works_and_keeps_to_the_version_that_was_found(cli: CommandLine, sandbox: Served) -> None:
    sandbox.sandbox.oneroster.use("like-skyward")  # 1.2 alone

    answer = connect(cli, sandbox)

    assert (answer["connection"], answer["ok"]) == ("oneroster", True)
    assert [check["subject"] for check in answer["checks"]][:3] == ["connection", "orgs", "users"]
    assert cli.answer("sis", "option", "oneroster", "api_version")["api_version"]["value"] == "1.2"
    assert cli.answer("sis", "test", "oneroster")["ok"] is True


@pytest.mark.parametrize("way", ["signed", "token"])
def test_a_client_is_enough_to_connect(cli: CommandLine, sandbox: Served, way: str) -> None:
    application = sandbox.sandbox.access
    words = ["--client-id", application.client_id, "--client-secret", application.client_secret]
    if way == "token":
        words += ["--token-url", sandbox.url + sandbox.sandbox.oneroster.profile.grants_at]

    assert connect(cli, sandbox, *words)["ok"] is True


@pytest.mark.parametrize(
    "entered",
    ["/", "/ims/oneroster", "/ims/oneroster/v1p1", "/ims/oneroster/v1p1/", "/ims/oneroster/rostering/v1p2"],
)
def test_the_address_may_be_given_with_the_path_or_without(cli: CommandLine, sandbox: Served, entered: str) -> None:
    bearer = sandbox.sandbox.oneroster.access.bearer
    words = ("sis", "connect", "oneroster", "--base-url", f"{sandbox.url}{entered}", "--bearer", bearer, *YEAR)

    assert cli.answer(*words)["ok"] is True

    cli.answer("sis", "map", "oneroster", "--auto-create")
    assert len(cli.answer("sis", "schools", "oneroster")) == 4
    assert cli.answer("sis", "prepare", "oneroster")["counts"]["student"]["add"]["planned"] == 60
    version = "1.2" if "v1p2" in entered else "1.1" if "v1p1" in entered else None
    found = cli.answer("sis", "option", "oneroster", "api_version")["api_version"]["value"]
    assert found == (version or found)


def test_a_wrong_address_or_token_fails_with_what_to_check(cli: CommandLine, sandbox: Served) -> None:
    assert connect(cli, sandbox, "--bearer", "wrong")["ok"] is False

    assert cli.failure("sis", "map", "oneroster", "--auto-create")
    assert cli.failure("sis", "prepare", "oneroster")
    assert cli.answer("sis", "test", "oneroster", code=1)["ok"] is False


def test_a_version_that_is_given_is_kept(cli: CommandLine, sandbox: Served) -> None:
    access = sandbox.sandbox.oneroster.access

    connect(cli, sandbox, "--bearer", access.bearer, "--version", "1.2")

    assert cli.answer("sis", "option", "oneroster", "api_version")["api_version"]["value"] == "1.2"


def test_connecting_works_without_network_and_says_so(cli: CommandLine) -> None:
    answer = cli.answer("sis", "connect", "oneroster", "--base-url", CLOSED, "--bearer", "b", *YEAR)

    assert answer["ok"] is False
    assert cli.answer("app", "install", "oneroster")["installed"] == []


def test_wrong_words_are_wrong_usage(cli: CommandLine) -> None:
    start = ("sis", "connect", "oneroster", "--base-url", CLOSED)

    assert "Give --client-id" in cli.failure(*start, *YEAR, code=2)
    assert "year-start" in cli.failure(*start, "--bearer", "b", code=2)
    backwards = ("--year-start", "2027-08-01", "--year-end", "2027-07-31")
    assert "The year ends before it starts" in cli.failure(*start, "--bearer", "b", *backwards, code=2)


def test_a_district_is_synced_in_full_and_then_as_changes(cli: CommandLine, sandbox: Served) -> None:
    connect(cli, sandbox)
    mapped = cli.answer("sis", "map", "oneroster", "--auto-create")
    assert {each["made"] for each in mapped} == {True}

    assert commit_all(cli, "oneroster")["state"] == "committed"
    quick = cli.answer("sis", "prepare", "oneroster", "--quick")

    assert quick["mode"] == "quick"
    assert cli.answer("sis", "actions", quick["id"]) == []


def test_changes_are_read_since_a_date(cli: CommandLine, sandbox: Served) -> None:
    sandbox.sandbox.oneroster.ledger(sandbox.sandbox.district)
    connect(cli, sandbox)
    cli.answer("sis", "map", "oneroster", "--auto-create")
    commit_all(cli, "oneroster")
    student = next(person.id for person in sandbox.sandbox.district.people if person.student)
    edits.leave(sandbox.sandbox.district, student)

    since = cli.answer("sis", "prepare", "oneroster", "--since", "2026-08-01")

    assert (since["mode"], since["counts"]["student"]["delete"]["planned"]) == ("quick", 1)
    assert "Choose one of" in cli.failure("sis", "prepare", "oneroster", "--full", "--quick", code=2)


def test_one_school_is_prepared_alone(cli: CommandLine, sandbox: Served) -> None:
    connect(cli, sandbox)
    cli.answer("sis", "map", "oneroster", "--auto-create")
    school = cli.answer("sis", "schools", "oneroster")[-1]["id"]

    sync = cli.answer("sis", "prepare", "oneroster", "--school", school)

    actions = cli.answer("sis", "actions", sync["id"])
    assert actions
    assert cli.failure("sis", "prepare", "oneroster", "--school", "nowhere") == (
        "These schools are not mapped: nowhere."
    )


def test_a_package_is_synced_and_the_copy_is_removed(cli: CommandLine, sandbox: Served, tmp_path: Path) -> None:
    path = package(sandbox, tmp_path)
    assert cli.answer("sis", "connect", "csv", *YEAR)["ok"] is True
    assert cli.answer("sis", "test", "csv")["ok"] is True
    assert cli.answer("sis", "map", "csv", "--auto-create") == []

    sync = commit_all(cli, "csv", "--file", path)

    assert (sync["state"], sync["connection"]) == ("committed", "csv")
    assert all(school["organization"] for school in cli.answer("sis", "schools", "csv"))
    assert list((cli.app.extensions["settings"].data_dir / "uploads").iterdir()) == []
    assert Path(path).exists()
    assert cli.answer("sis", "actions", cli.answer("sis", "prepare", "csv", "--file", path)["id"]) == []


def test_a_package_in_which_many_are_missing_is_held_for_a_person(
    cli: CommandLine, sandbox: Served, tmp_path: Path
) -> None:
    cli.answer("sis", "connect", "csv", *YEAR)
    cli.answer("sis", "map", "csv", "--auto-create")
    commit_all(cli, "csv", "--file", package(sandbox, tmp_path))
    district = sandbox.sandbox.district
    for student in [person.id for person in district.people if person.student][:30]:
        edits.leave(district, student)

    sync = cli.answer("sis", "prepare", "csv", "--file", package(sandbox, tmp_path), code=3)

    assert {(each["type"], each["scope"] != "") for each in sync["held"]} >= {("student", True)}
    partly = cli.answer("sis", "commit", sync["id"], code=3)
    assert partly["counts"]["student"].get("delete", {}).get("applied", 0) < 30
    assert cli.answer("sis", "commit", sync["id"], "--release-held")["state"] == "committed"


def test_a_package_may_be_mapped_after_it_was_first_read(cli: CommandLine, sandbox: Served, tmp_path: Path) -> None:
    path = package(sandbox, tmp_path)
    cli.answer("sis", "connect", "csv", *YEAR)

    assert "No school is chosen yet" in cli.failure("sis", "prepare", "csv", "--file", path)
    cli.answer("sis", "map", "csv", "--auto-create")

    assert commit_all(cli, "csv", "--file", path)["counts"]["student"]["add"]["applied"] == 60


def test_a_package_is_prepared_again_while_its_sync_waits(cli: CommandLine, sandbox: Served, tmp_path: Path) -> None:
    cli.answer("sis", "connect", "csv", *YEAR)
    cli.answer("sis", "map", "csv", "--auto-create")
    first = cli.answer("sis", "prepare", "csv", "--file", package(sandbox, tmp_path))

    second = cli.answer("sis", "prepare", "csv")

    assert second["counts"] == first["counts"]
    cli.answer("sis", "discard", second["id"])
    assert "Give the OneRoster package" in cli.failure("sis", "prepare", "csv", code=2)


def test_what_is_no_package_is_refused_with_a_sentence(cli: CommandLine, tmp_path: Path) -> None:
    cli.answer("sis", "connect", "csv", *YEAR)
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "Dear school")

    assert "manifest.csv" in cli.failure("sis", "prepare", "csv", "--file", str(path))
    assert "read by the connection csv alone" in _other_kind(cli, str(path))


def _other_kind(cli: CommandLine, path: str) -> str:
    cli.answer("sis", "connect", "clever", "--base-url", CLOSED, "--token", "t")
    return cli.failure("sis", "prepare", "clever", "--file", path, code=2)


def test_the_lms_side_is_exported_as_a_package_that_is_read_back(
    cli: CommandLine, sandbox: Served, tmp_path: Path
) -> None:
    cli.answer("sis", "connect", "csv", *YEAR)
    cli.answer("sis", "map", "csv", "--auto-create")
    commit_all(cli, "csv", "--file", package(sandbox, tmp_path))
    export = str(tmp_path / "export.zip")

    assert cli.run("directory", "export", "--format", "oneroster-csv", export).exit_code == 0

    again = cli.answer("sis", "prepare", "csv", "--file", export)
    assert cli.answer("sis", "actions", again["id"]) == []


def test_a_package_for_another_portal_says_who_is_archived(cli: CommandLine, sandbox: Served, tmp_path: Path) -> None:
    export = str(tmp_path / "moving.zip")
    assert cli.run("directory", "export", "--format", "oneroster-csv", "--archived", export).exit_code == 0
    with zipfile.ZipFile(export) as archive:
        assert b"metadata.sisPortal.archived" in archive.read("users.csv")
    assert "--format oneroster-csv" in cli.failure(
        "directory", "export", "--archived", str(tmp_path / "all.json"), code=2
    )
