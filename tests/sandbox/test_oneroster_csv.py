"""The district as OneRoster packages, and what the sandbox's page and control API offer of OneRoster."""

import csv
import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.sandbox.memory import Origin, keeper, recall
from sisportal.sandbox.oneroster_csv import FILES, write_package
from sisportal.sandbox.oneroster_ledger import Ledger
from sisportal.sandbox.operations import UseProfile
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served
from tests.sandbox.asking_oneroster import AskingOneRoster

Tables = dict[str, list[dict[str, str]]]
USERS = {
    "1.1": "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,"
    "identifier,email,sms,phone,agentSourcedIds,grades,password",
    "1.2": "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,"
    "phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,"
    "primaryOrgSourcedId,pronouns",
}


def package(district: District, **how: Any) -> bytes:
    out = io.BytesIO()
    write_package(district, out, **how)
    return out.getvalue()


def tables(data: bytes) -> Tables:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}


def manifest(read: Tables) -> dict[str, str]:
    return {row["propertyName"]: row["value"] for row in read["manifest"]}


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_package_in_full_holds_every_file_that_its_manifest_names(district: District, version: str) -> None:
    data = package(district, version=version)
    read = tables(data)
    said = manifest(read)
    assert (said["manifest.version"], said["oneroster.version"]) == ("1.0", version)
    assert {name for name in FILES[version] if said[f"file.{name}"] == "bulk"} == read.keys() - {"manifest"}
    assert [name for name in said if name.startswith("file.")] == [f"file.{name}" for name in FILES[version]]
    rows = [row for name, table in read.items() if name != "manifest" for row in table]
    assert {(row["status"], row["dateLastModified"]) for row in rows} == {("", "")}
    assert ",".join(read["users"][0]) == USERS[version]
    assert data == package(district, version=version)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_package_says_what_the_lists_say(district: District, version: str) -> None:
    ask, read = AskingOneRoster(create_sandbox(district), version), tables(package(district, version=version))
    for kind in ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics"):
        assert [row["sourcedId"] for row in read[kind]] == ask.ids(f"/{kind}")
    seats = [(row["classSourcedId"], row["userSourcedId"], row["role"], row["primary"]) for row in read["enrollments"]]
    assert seats == [
        (row["class"]["sourcedId"], row["user"]["sourcedId"], row["role"], row["primary"])
        for row in ask.rows("/enrollments")
    ]
    assert [row["grades"] for row in read["users"]] == [",".join(row["grades"]) for row in ask.rows("/users")]
    if version == "1.2":
        roles = [(row["userSourcedId"], row["role"], row["roleType"], row["orgSourcedId"]) for row in read["roles"]]
        assert roles == [
            (user["sourcedId"], role["role"], role["roleType"], role["org"]["sourcedId"])
            for user in ask.rows("/users")
            for role in user["roles"]
        ]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_package_of_changes_holds_what_changed_and_what_is_gone(district: District, version: str) -> None:
    sandbox = create_sandbox(district)
    ask = AskingOneRoster(sandbox, version)
    ask.ids("/orgs")
    since = datetime(district.today.year, district.today.month, district.today.day, 12, tzinfo=UTC)
    pass_day(district)
    ledger = sandbox.oneroster.ledger(district)
    read = tables(package(district, version=version, mode="delta", since=since, ledger=ledger))
    assert {manifest(read)[f"file.{name}"] for name in read if name != "manifest"} == {"delta"}
    for kind in ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics"):
        changed = ask.rows(f"/{kind}", filter=f"dateLastModified>'{since.isoformat()}'")
        told = [(row["sourcedId"], row["status"], row["dateLastModified"]) for row in read[kind]]
        assert told == [(row["sourcedId"], row["status"], row["dateLastModified"]) for row in changed]
    assert {row["status"] for row in read["enrollments"]} == {"active", "tobedeleted"}


def test_files_are_in_full_changes_or_absent_one_by_one(district: District) -> None:
    modes = {"users": "delta", "demographics": "absent"}
    read = tables(package(district, modes=modes, since=datetime(2030, 1, 1, tzinfo=UTC)))
    said = manifest(read)
    assert (said["file.users"], said["file.demographics"], said["file.orgs"]) == ("delta", "absent", "bulk")
    assert (read["users"], "demographics" in read, len(read["orgs"])) == ([], False, 4)


@pytest.mark.parametrize("how", [{"version": "1.3"}, {"mode": "all"}, {"mode": "delta"}])
def test_a_package_that_cannot_be_is_refused(district: District, how: dict[str, str]) -> None:
    with pytest.raises((KeyError, ValueError)):
        package(district, **how)


# --- over HTTP


def test_the_page_offers_packages_and_profiles(sandbox: Served) -> None:
    page = requests.get(sandbox.url, timeout=20).text
    assert "/ims/oneroster/rostering/v1p2" in page
    assert '<option value="twins">' in page
    assert 'action="/sandbox/oneroster.zip"' in page


@pytest.mark.parametrize("query", ["", "?version=1.2", "?version=1.2&mode=delta&since=2020-01-01", "?mode=delta"])
def test_a_package_can_be_downloaded(sandbox: Served, query: str) -> None:
    reply = requests.get(f"{sandbox.url}/sandbox/oneroster.zip{query}", timeout=20)
    assert reply.headers["Content-Type"] == "application/zip"
    assert ".zip" in reply.headers["Content-Disposition"]
    read = tables(reply.content)
    assert len(read["users"]) == (0 if query == "?mode=delta" else 94)
    assert requests.get(f"{sandbox.url}/sandbox/oneroster.zip?version=7", timeout=20).status_code == 422


def test_the_profile_is_chosen_over_http_and_told(sandbox: Served) -> None:
    def choose(name: str) -> int:
        return requests.post(
            f"{sandbox.url}/sandbox/do", json={"do": "use-profile", "name": name}, timeout=20
        ).status_code

    assert choose("like-aeries") == 200
    told = requests.get(f"{sandbox.url}/sandbox", timeout=20).json()["oneroster"]
    assert (told["profile"], told["token_url"]) == ("like-aeries", "/aeries/token/")
    assert choose("like-nothing") == 422


def test_a_restart_remembers_the_profile_and_what_is_gone(tmp_path: Any) -> None:
    origin = Origin(30, 1, None, datetime(2026, 10, 5, tzinfo=UTC).date())
    memory = recall(tmp_path / "state.json", origin)
    sandbox = create_sandbox(memory.origin.district())
    sandbox.keep = keeper(tmp_path / "state.json", memory)
    operation = UseProfile(name="nulls")
    operation.apply(sandbox)
    sandbox.keep(operation)
    again = create_sandbox(origin.district())
    recall(tmp_path / "state.json", origin).repeat(again)
    assert again.oneroster.profile_name == "nulls"


def test_a_ledger_follows_its_district_only_once(district: District) -> None:
    provider = create_sandbox(district).oneroster
    assert provider.ledger(district) is provider.ledger(district)
    assert len(district.watchers) == 1
    assert Ledger(district).number == 1
