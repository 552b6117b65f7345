"""CSV files as spreadsheets write them: what is read, and what is refused in a sentence."""

import pytest

from sisportal.syncing.import_table import MOST_ROWS, Line, Problem, Unreadable, plain_cell, read_sheet
from sisportal.web.csv_files import safe_cell

HEADER = "role,username,last_name\n"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("role,username,first_name,last_name,email,student_id,teacher_id,sis_id,clever_id,oneroster_id,grade,organization", "accounts"),
        ("name,code,start,finish,style,sis_id,clever_id,oneroster_id,organization,teachers", "classes"),
        ("Role,Last name,First name,Preferred name,Username,E-mail,Student ID", "accounts"),
        ("Name,Code,Subject,Grade,Period,Term,Start,Finish,Style", "classes"),
    ],
)  # fmt: skip
def test_the_header_tells_accounts_from_classes(header: str, kind: str) -> None:
    sheet = read_sheet(header.encode())
    assert (sheet.kind, sheet.unknown, len(sheet.named)) == (kind, [], header.count(",") + 1)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_rows_are_read_with_or_without_a_mark_and_by_any_line_end(mark: bytes, ending: str) -> None:
    sheet = read_sheet(mark + f"username,last_name{ending}zoe, Zoë  Ångström {ending}".encode())
    assert sheet.lines == [Line(2, {"username": "zoe", "last_name": "Zoë Ångström"})]


def test_lines_are_counted_through_quoted_line_breaks_and_blank_rows() -> None:
    sheet = read_sheet(b'username,last_name\n\na,"Two\nlines, one ""name"""\n,,\nb,B,too many\n')
    assert sheet.lines == [
        Line(3, {"username": "a", "last_name": 'Two lines, one "name"'}),
        Line(6, {"username": "b", "last_name": "B"}),
    ]
    assert sheet.problems == [Problem(6, "", "The row has more cells than the header has columns.")]


def test_columns_that_are_not_known_are_named_as_the_file_calls_them() -> None:
    sheet = read_sheet(b"Username,Favourite colour,,State\nx,blue,,active\n")
    assert sheet.unknown == ["Favourite colour", "a column without a name", "State"]
    assert sheet.lines == [Line(2, {"username": "x"})]


@pytest.mark.parametrize(("sign", "word"), [(";", "Semicolons"), ("\t", "Tabs")])
def test_other_separators_are_read_and_told(sign: str, word: str) -> None:
    sheet = read_sheet(f"username{sign}last_name\nx{sign}Y, Z\n".encode())
    assert sheet.lines == [Line(2, {"username": "x", "last_name": "Y, Z"})]
    assert sheet.notes[0].startswith(word)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \n ", "The file is empty."),
        ("username\nzoë\n".encode("latin-1"), "Line 2 is not written in UTF-8."),
        ("username\nx\n".encode("utf-16"), "The file is written in UTF-16."),
        (b"PK\x03\x04rest", "This is a workbook or an archive"),
        (b"username\nx\0y\n", "The file holds signs that no text has."),
        (b"a,b\n1,2\n", "The first line names no column of accounts"),
        (b"username,Username\n", "Two columns are called username."),
        (b'username,last_name\nx,"open\n', "Line 2 cannot be read"),
        (b"username\n" + b"x\n" * (MOST_ROWS + 1), "The file has more than 50,000 rows."),
        (b"x" * 20_000_001, "The file is larger than 20 MB."),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_sheet(content)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("value", ["=1+1", "+46 8", "-", "@x", "'=x", "''+y", "'quoted", "O'Neil", "plain", ""])
def test_what_an_export_kept_from_being_run_is_read_as_it_was(value: str) -> None:
    cell = safe_cell(value)
    assert not cell.startswith(("=", "+", "-", "@"))
    assert plain_cell(cell) == value
