"""CSV packages: dirt that is read past, rows that are left out, and files that are refused as a whole."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from sisportal.providers.base import Check, DistrictFacts, ProviderError
from sisportal.providers.oneroster_csv import CsvProvider, open_csv
from sisportal.providers.oneroster_package import Limits
from sisportal.roster.records import Collection
from tests.providers.canned import Gathered, gathered
from tests.providers.oneroster_district import NOW, YEAR, as_csv, district, manifest, package, tables
from tests.providers.oneroster_held import HeldRecords

FILES = tables(district(), "1.1")


def provider(path: Path, **given: Any) -> CsvProvider:
    return open_csv(path, clock=lambda: NOW, **(YEAR | given))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Gathered:
    return gathered(provider(package(tmp_path_factory.mktemp("usual") / "roster.zip")))


# --- dirt


def all_files(change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    files = {name: as_csv(rows) for name, rows in FILES.items()}
    return {name: change(data) for name, data in (files | {"manifest.csv": as_csv(manifest(files))}).items()}


def other_order(rows: list[list[str]]) -> bytes:
    return as_csv([*row[3:], "vendor's", *row[:3]] for row in rows).replace(b"vendor's", b"metadata.ext", 1)


def american(cell: str) -> str:
    return f"{cell[5:7]}/{cell[8:]}/{cell[:4]}" if cell[:2] == "20" and cell.count("-") == 2 else cell


DIRT = {
    "a byte order mark": all_files(lambda data: b"\xef\xbb\xbf" + data),
    "line feeds only": all_files(lambda data: data.replace(b"\r\n", b"\n")),
    "no last line break": all_files(lambda data: data.rstrip()),
    "blank lines": all_files(lambda data: data.replace(b"\r\n", b"\r\n\r\n , ,\r\n".replace(b" , ,", b""))),
    "headers in small letters": {
        name: as_csv([[cell.lower() for cell in rows[0]], *rows[1:]]) for name, rows in FILES.items()
    },
    "columns in another order, and more of them": {name: other_order(rows) for name, rows in FILES.items()},
    "a misspelt header": {
        name: as_csv([[cell.replace("date", "data") for cell in rows[0]], *rows[1:]]) for name, rows in FILES.items()
        if name in ("orgs.csv", "users.csv")
    },
    "everything quoted": {
        name: "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in rows).encode() for name, rows in FILES.items()
    },
    "spaces around values": {
        name: as_csv([rows[0], *([f" {cell} " for cell in row] for row in rows[1:])]) for name, rows in FILES.items()
    },
    "short rows": {
        "orgs.csv": as_csv(row[: len(row) - (not row[-1])] for row in FILES["orgs.csv"]),
    },
    "booleans and roles in capitals": {
        "enrollments.csv": as_csv(
            [FILES["enrollments.csv"][0], *([cell.upper() if cell in ("true", "false", "student", "teacher") else cell for cell in row] for row in FILES["enrollments.csv"][1:])]
        ),
    },
    "status and dates in full files": {
        name: as_csv([rows[0], *([row[0], "active", "2023-05-01", *row[3:]] for row in rows[1:])]) for name, rows in FILES.items()
    },
    "American dates": {
        "academicSessions.csv": as_csv(
            [american(cell) for cell in row] for row in FILES["academicSessions.csv"]
        ),
    },
    "what a Mac adds": {"__MACOSX/._orgs.csv": b"x", ".DS_Store": b"x"},
}  # fmt: skip


@pytest.mark.parametrize("dirt", DIRT)
def test_dirt_changes_nothing(usual: Gathered, tmp_path: Path, dirt: str) -> None:
    got = gathered(provider(package(tmp_path / "roster.zip", replaced=DIRT[dirt])))
    assert got.records == usual.records
    assert got.seals.keys() == usual.seals.keys()
    assert all(seal.complete for seal in got.seals.values())
    assert got.problems == []


def test_files_may_be_called_in_small_letters(usual: Gathered, tmp_path: Path) -> None:
    replaced = {"academicSessions.csv": b"", "academicsessions.csv": as_csv(FILES["academicSessions.csv"])}
    assert gathered(provider(package(tmp_path / "roster.zip", replaced=replaced))).records == usual.records


def test_columns_and_files_that_are_not_known_are_named(usual: Gathered, tmp_path: Path) -> None:
    rows = [[*FILES["orgs.csv"][0], "colour", "metadata.x"], *([*row, "red", "1"] for row in FILES["orgs.csv"][1:])]
    path = package(tmp_path / "roster.zip", replaced={"orgs.csv": as_csv(rows), "notes.txt": b"hello"})
    got = gathered(provider(path))
    assert got.records == usual.records
    assert [(one.code, one.value, one.file) for one in got.problems] == [
        ("unknown-file", "notes.txt", "notes.txt"),
        ("unknown-column", "colour", "orgs.csv"),
    ]


def test_a_file_of_a_later_version_is_told_as_that(usual: Gathered, tmp_path: Path) -> None:
    got = gathered(provider(package(tmp_path / "roster.zip", replaced={"userprofiles.csv": b"sourcedId\r\n"})))
    assert got.records == usual.records
    assert [(one.code, one.value) for one in got.problems] == [("later-file", "userprofiles.csv")]


# --- rows that are left out


def edited(name: str, line: int, **cells: str) -> dict[str, bytes]:
    """The file with some cells of one line changed."""
    rows = [list(row) for row in FILES[name]]
    for column, value in cells.items():
        rows[line - 1][rows[0].index(column)] = value
    return {name: as_csv(rows)}


@pytest.mark.parametrize(
    ("name", "line", "cells", "column", "value", "collection"),
    [
        ("users.csv", 3, {"sourcedId": ""}, "sourcedId", "", Collection.PEOPLE),
        ("users.csv", 5, {"role": "king"}, "role", "king", Collection.PEOPLE),
        ("users.csv", 5, {"role": ""}, "role", "", Collection.PEOPLE),
        ("users.csv", 6, {"orgSourcedIds": " "}, "orgSourcedIds", "", Collection.PEOPLE),
        ("users.csv", 6, {"status": "perhaps"}, "status", "perhaps", Collection.PEOPLE),
        ("classes.csv", 2, {"schoolSourcedId": ""}, "schoolSourcedId", "", Collection.SECTIONS),
        ("orgs.csv", 4, {"sourcedId": ""}, "sourcedId", "", Collection.SCHOOLS),
        ("courses.csv", 2, {"status": "x"}, "status", "x", Collection.COURSES),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_place_and_nobody_is_taken_for_a_leaver(
    tmp_path: Path, name: str, line: int, cells: dict[str, str], column: str, value: str, collection: Collection
) -> None:
    got = gathered(provider(package(tmp_path / "roster.zip", replaced=edited(name, line, **cells))))
    refused = [one for one in got.problems if one.code == "refused-row"]
    assert [(one.file, one.line, one.column, one.field, one.value) for one in refused] == [
        (name, line, column, column, value)
    ]
    assert not got.seals[collection].complete
    assert len(got.records[collection]) >= 1


@pytest.mark.parametrize("cells", [{"role": "pupil"}, {"classSourcedId": ""}, {"userSourcedId": ""}, {"status": "?"}])
def test_an_enrollment_that_cannot_be_used_is_told_and_the_others_count(
    usual: Gathered, tmp_path: Path, cells: dict[str, str]
) -> None:
    got = gathered(provider(package(tmp_path / "roster.zip", replaced=edited("enrollments.csv", 8, **cells))))
    assert [(one.code, one.file, one.line, one.column) for one in got.problems] == [
        ("refused-row", "enrollments.csv", 8, next(iter(cells)))
    ]
    assert len(got.records[Collection.SECTIONS]) == len(usual.records[Collection.SECTIONS])
    assert all(seal.complete for seal in got.seals.values())


def test_nobody_leaves_a_class_because_an_enrollment_could_not_be_read(usual: Gathered, tmp_path: Path) -> None:
    path = package(tmp_path / "roster.zip", replaced=edited("enrollments.csv", 8, role="pupil"))
    got = gathered(provider(path, held=HeldRecords(usual)))
    assert got.records[Collection.SECTIONS] == usual.records[Collection.SECTIONS]


def test_a_row_that_comes_twice_is_read_once_and_told(usual: Gathered, tmp_path: Path) -> None:
    rows = [*FILES["users.csv"], FILES["users.csv"][3]]
    got = gathered(provider(package(tmp_path / "roster.zip", replaced={"users.csv": as_csv(rows)})))
    assert got.records == usual.records
    assert [(one.code, one.external_id, one.line) for one in got.problems] == [
        ("duplicate-id", FILES["users.csv"][3][0], len(rows))
    ]
    assert got.seals[Collection.PEOPLE].complete


def test_roles_of_version_1_2_are_left_out_row_by_row(tmp_path: Path) -> None:
    roles = tables(district(), "1.2")["roles.csv"]
    roles[1][roles[0].index("role")] = "king"
    got = gathered(provider(package(tmp_path / "roster.zip", None, "1.2", replaced={"roles.csv": as_csv(roles)})))
    assert [(one.code, one.file, one.line) for one in got.problems] == [
        ("refused-row", "roles.csv", 2),
        ("unknown-role", "", 0),
    ]
    assert not got.seals[Collection.PEOPLE].complete


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    rows = [list(row) for row in FILES["users.csv"]]
    rows[1][rows[0].index("middleName")] = "two\nlines"
    rows[4][rows[0].index("role")] = "king"
    path = package(tmp_path / "roster.zip", replaced={"users.csv": as_csv(rows)})
    assert [one.line for one in gathered(provider(path)).problems if one.code == "refused-row"] == [6]


# --- packages that are refused


def rezipped(path: Path, change: Callable[[zipfile.ZipFile], None]) -> Path:
    package(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        change(archive)
    return path


def stated(**changes: str | None) -> dict[str, bytes]:
    """A manifest with some properties changed or taken out."""
    rows = [row for row in manifest(FILES) if changes.get(row[0], "") is not None]
    return {"manifest.csv": as_csv([[name, changes.get(name) or value] for name, value in rows])}


def without_column(name: str, column: str) -> dict[str, bytes]:
    place = FILES[name][0].index(column)
    return {name: as_csv([*row[:place], *row[place + 1 :]] for row in FILES[name])}


REFUSED = {
    "no manifest": ("no-manifest", {"manifest.csv": b""}),
    "another version": ("bad-manifest", stated(**{"oneroster.version": "2.0"})),
    "no version": ("bad-manifest", stated(**{"oneroster.version": None})),
    "an unknown mode": ("bad-manifest", stated(**{"file.orgs": "some"})),
    "absent and there": ("bad-manifest", stated(**{"file.orgs": "absent"})),
    "there and not named": ("bad-manifest", stated(**{"file.orgs": None})),
    "named and not there": ("missing-file", {"courses.csv": b""}),
    "a property twice": ("bad-manifest", {"manifest.csv": as_csv([*manifest(FILES), ["file.orgs", "bulk"]])}),
    "a column missing": ("wrong-header", without_column("users.csv", "familyName")),
    "a column twice": ("wrong-header", {"orgs.csv": as_csv([*row, row[0]] for row in FILES["orgs.csv"])}),
    "no header": ("wrong-header", {"orgs.csv": as_csv(FILES["orgs.csv"][1:])}),
    "an empty file": ("wrong-header", {"orgs.csv": b"\r\n"}),
    "semicolons": ("wrong-header", {"orgs.csv": as_csv(FILES["orgs.csv"]).replace(b",", b";")}),
    "UTF-16": ("wrong-encoding", all_files(lambda data: data.decode().encode("utf-16"))),
    "UTF-16 without a mark": ("wrong-encoding", {"users.csv": as_csv(FILES["users.csv"]).decode().encode("utf-16-le")}),
    "Windows-1252": ("wrong-encoding", {"users.csv": as_csv(FILES["users.csv"]).replace(b"Hopper", "O\u2019Hara".encode("cp1252"))}),
    "Latin-1": ("wrong-encoding", {"users.csv": as_csv(FILES["users.csv"]).replace(b"Hopper", "Höpper".encode("latin-1"))}),
    "a parent folder": ("unsafe-path", {"../orgs.csv": b"x"}),
    "an absolute path": ("unsafe-path", {"/etc/orgs.csv": b"x"}),
    "a parent folder of Windows": ("unsafe-path", {"..\\orgs.csv": b"x"}),
    "a drive": ("unsafe-path", {"C:\\orgs.csv": b"x"}),
    "a folder": ("nested", {"roster/orgs.csv": b"x"}),
    "a bomb": ("too-large", {"users.csv": b"0" * (6 << 20)}),
    "a line without end": ("too-large", {"users.csv": as_csv(FILES["users.csv"]) + b"0" * 5_000_000 + bytes(range(256)) * 2_000}),
    "a file of an older version": ("no-manifest", {"manifest.csv": b"", "orgs.csv": b"sourcedId,name\r\n"}),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_package_that_is_not_in_order_is_refused_before_anything_is_read(tmp_path: Path, what: str) -> None:
    code, replaced = REFUSED[what]
    path = package(tmp_path / "roster.zip", replaced=replaced)
    with pytest.raises(ProviderError) as failed:
        provider(path, limits=Limits(line=1_000_000))
    assert failed.value.code == code
    assert failed.value.message.endswith(".")


def test_a_wrong_encoding_is_told_with_file_and_line(tmp_path: Path) -> None:
    path = package(tmp_path / "roster.zip", replaced=dict([REFUSED["Latin-1"][1].popitem()]))
    with pytest.raises(ProviderError, match=r"users\.csv is not written in UTF-8 \(about line 2\)"):
        provider(path)


def test_what_is_no_zip_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "users.csv"
    text.write_text("sourcedId,status")
    whole = package(tmp_path / "whole.zip").read_bytes()
    cut, bent = tmp_path / "cut.zip", tmp_path / "bent.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    place = whole.index(b"users.csv") + 60
    bent.write_bytes(whole[:place] + b"\xff" * 20 + whole[place + 20 :])
    codes = []
    for path in (text, cut, bent, tmp_path / "nothing.zip"):
        with pytest.raises(ProviderError) as failed:
            provider(path)
        codes.append(failed.value.code)
    assert codes == ["not-a-zip", "not-a-zip", "damaged", "not-a-zip"]


def test_files_that_share_their_packed_bytes_are_refused_although_each_alone_is_in_order(tmp_path: Path) -> None:
    """A zip whose directory names the same packed bytes many times over: small, and gigabytes when it is unpacked."""
    path = rezipped(tmp_path / "bomb.zip", lambda archive: archive.writestr("1.csv", b"0123456789abcdef" * 3_000))
    with zipfile.ZipFile(path, "a") as archive:
        kernel = archive.getinfo("1.csv")
        for number in range(2, 150):
            other = copy(kernel)
            other.filename = f"{number}.csv"
            archive.filelist.append(other)
        archive._didModify = True  # type: ignore[attr-defined]  # writes the directory anew
    with pytest.raises(ProviderError, match="too large when unpacked"):
        provider(path)


def test_too_many_files_and_the_same_file_twice_are_refused(tmp_path: Path) -> None:
    def add_many(archive: zipfile.ZipFile) -> None:
        for number in range(300):
            archive.writestr(f"{number}.csv", b"x")

    many = rezipped(tmp_path / "many.zip", add_many)
    with pytest.raises(ProviderError, match="holds 30"):
        provider(many)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = rezipped(tmp_path / "twice.zip", lambda archive: archive.writestr("orgs.csv", b"x"))
    with pytest.raises(ProviderError, match=r"orgs\.csv twice"):
        provider(twice)


def test_users_of_version_1_2_need_roles(tmp_path: Path) -> None:
    files = {name: rows for name, rows in tables(district(), "1.2").items() if name != "roles.csv"}
    replaced = {"roles.csv": b"", "manifest.csv": as_csv(manifest(files, "1.2"))}
    with pytest.raises(ProviderError, match=r"no roles\.csv"):
        provider(package(tmp_path / "roster.zip", None, "1.2", replaced=replaced))


def test_a_quote_that_is_never_closed_stops_the_reading(tmp_path: Path) -> None:
    orgs = as_csv(FILES["orgs.csv"]).replace(b"Lovelace", b'"Lovelace', 1) + b"\r\n".join([b"x,y"] * 40)
    with pytest.raises(ProviderError, match=r"A quote in orgs\.csv, line 2, is opened and not closed"):
        gathered(provider(package(tmp_path / "roster.zip", replaced={"orgs.csv": orgs})))


def test_a_quote_that_swallows_a_line_break_costs_its_row_and_nobody_is_taken_for_a_leaver(tmp_path: Path) -> None:
    users = as_csv(FILES["users.csv"]).replace(b"Grace", b'"Grace', 1)
    got = gathered(provider(package(tmp_path / "roster.zip", replaced={"users.csv": users})))
    assert [(one.line, one.field) for one in got.problems if one.code == "refused-row"] == [(2, "number of columns")]
    assert got.seals[Collection.PEOPLE].reason == "2 of the 12 users listed could not be read or have no id."


# --- what is said of it


def test_a_package_tells_what_it_holds(tmp_path: Path) -> None:
    checks = provider(package(tmp_path / "roster.zip", None, "1.2")).test()
    assert checks[0] == Check("package", ok=True, sentence="OneRoster 1.2 CSV.")
    assert Check("users", ok=True, sentence="13 rows (bulk).") in checks
    assert all(check.ok for check in checks)


def test_the_district_may_be_named_by_the_manifest(tmp_path: Path) -> None:
    content = district()
    content["orgs"] = content["orgs"][1:]
    files = tables(content, "1.1")
    rows = [*manifest(files), ["source.systemName", "Our SIS"], ["source.systemCode", "77"]]
    path = package(tmp_path / "roster.zip", content, replaced={"manifest.csv": as_csv(rows)})
    assert provider(path).district() == DistrictFacts("77", "Our SIS")


def test_a_long_file_is_streamed(tmp_path: Path) -> None:
    """Some 30 MB of enrollments that are not of this year's classes: what is remembered of each is its mark."""
    path = tmp_path / "roster.zip"
    package(path, replaced={"enrollments.csv": b""})
    line = "e-{0},,,c-old,s-1,st-1,student,false,2026-01-08,2026-06-15," + "x" * 200 + "\r\n"
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("enrollments.csv", "w") as file:
        out = io.TextIOWrapper(file)
        out.write(",".join([*FILES["enrollments.csv"][0], "metadata.note"]) + "\r\n")
        out.writelines(line.format(number) for number in range(60_000))
        out.flush()
    tracemalloc.start()
    try:
        gathered(provider(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 14_000_000
