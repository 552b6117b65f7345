"""The options: defaults, reading and writing, sentences for wrong values."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster import options as subject
from sisportal.roster.option_catalogue import Entry
from sisportal.roster.options import (
    OptionError,
    Options,
    as_text,
    decode,
    defaults,
    describe,
    encode,
    shape,
    with_option,
)

DEFAULTS = {
    "api_version": "3.1",
    "items": "users,sections",
    "changes": "adds,edits,deletes",
    "email_on_create": "no",
    "sso": "auto",
    "auto_sync": "off",
    "auto_commit": "no",
    "parent_child": "yes",
    "self_paced": "yes",
    "blanks": "ignore",
    "ignore_name_edits": "no",
    "match_students": "student_id",
    "match_teachers": "email",
    "match_sections": "class_name",
    "match_sessions": "name_and_code",
    "match_within_30_days": "yes",
    "blended": "no",
    "map_teacher_id": "teacher_id",
    "map_student_id": "student_id",
    "guard_deletes_percent": "10",
    "guard_deletes_count": "50",
    "guard_deletes_from": "5",
    "guard_deletes_least": "3",
    "guard_adds_percent": "25",
    "guard_adds_from": "20",
    "guard_class_percent": "50",
    "guard_class_from": "5",
    "guard_ids_percent": "5",
    "alarm_hours": "6",
    "alarm_days": "7",
}


def test_a_new_clever_connection_starts_with_these_values_in_this_order() -> None:
    described = describe(defaults())
    assert list(described) == list(DEFAULTS)
    assert {name: entry["value"] for name, entry in described.items()} == DEFAULTS
    assert {name: entry["default"] for name, entry in described.items()} == DEFAULTS


def test_a_description_says_value_default_choices_and_help() -> None:
    options = with_option(defaults(), "match_students", "email")
    assert describe(options)["match_students"] == {
        "value": "email",
        "default": "student_id",
        "choices": ["student_id", "email", "sis_id", "source_id"],
        "help": "What tells that a student without a link is an account that exists already.",
    }
    assert describe(options)["auto_sync"]["choices"] == ["off", "HH:MM"]
    assert describe(options)["guard_adds_percent"]["choices"] == ["0 to 10000"]


@pytest.mark.parametrize("kind", ["clever", "oneroster", "csv"])
def test_every_option_has_a_label_and_one_line_of_help(kind: str) -> None:
    for name, entry in subject.catalogue(kind).items():
        assert entry.name == name
        assert entry.label
        assert entry.help.endswith(".")
        assert "\n" not in entry.help
        assert "{" not in entry.label + "".join(choice.label for choice in entry.choices)


@pytest.mark.parametrize(
    ("kind", "versions", "source_id"),
    [
        ("clever", ["1.1", "2.0", "2.1", "3.0", "3.1"], "Clever ID"),
        ("oneroster", ["1.1", "1.2"], "OneRoster ID"),
    ],
)
def test_versions_and_the_name_of_the_id_follow_the_kind_of_connection(
    kind: str, versions: list[str], source_id: str
) -> None:
    catalogue = subject.catalogue(kind)
    assert [choice.text for choice in catalogue["api_version"].choices] == versions
    assert {choice.text: choice.label for choice in catalogue["match_sections"].choices}["source_id"] == source_id


def test_oneroster_starts_on_its_own_version_and_has_no_clever_sign_in() -> None:
    assert defaults("oneroster").api_version == "1.1"
    assert "sso" not in describe(defaults("oneroster"), "oneroster")
    assert "api_version" not in describe(defaults("csv"), "csv")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("api_version", "2.1", "2.1"),
        ("items", "sections", frozenset({subject.Item.SECTIONS})),
        ("items", " Sections , users ", frozenset(subject.Item)),
        ("changes", "edits,adds,edits", frozenset({subject.Change.ADDS, subject.Change.EDITS})),
        ("email_on_create", "yes", True),
        ("email_on_create", "Off", False),
        ("parent_child", "no", False),
        ("sso", "no", subject.Sso.NO),
        ("auto_sync", "04:30", time(4, 30)),
        ("auto_sync", "4:05", time(4, 5)),
        ("auto_sync", "off", None),
        ("blanks", "replace", subject.Blanks.REPLACE),
        ("match_teachers", "teacher_id", subject.TeacherKey.TEACHER_ID),
        ("match_teachers", "SIS-ID", subject.TeacherKey.SIS_ID),
        ("match_students", "clever_id", subject.StudentKey.SOURCE_ID),
        ("match_sessions", "name", subject.SessionKey.NAME),
        ("map_student_id", "sis_id", subject.StudentIdTarget.SIS_ID),
        ("guard_deletes_percent", "0", 0),
        ("guard_adds_percent", "400", 400),
    ],
)
def test_an_option_is_read_from_its_text(name: str, text: str, value: object) -> None:
    assert getattr(with_option(defaults(), name, text), name) == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("colour", "red", "There is no option 'colour'. The options are: api_version, items,"),
        ("api_version", "4.0", "Clever API version cannot be '4.0'. Choose 1.1, 2.0, 2.1, 3.0 or 3.1."),
        ("items", "", "Items to sync cannot be empty. Choose one or more of users, sections, joined by commas."),
        ("items", "users,rooms", "Items to sync cannot be 'rooms'. Choose users or sections."),
        ("self_paced", "maybe", "Create classes without dates as self-paced is yes or no, not 'maybe'."),
        ("auto_sync", "25:00", "Automatic daily sync is off or a time of day such as 04:30, not '25:00'."),
        ("auto_sync", "04:30x", "Automatic daily sync is off or a time of day such as 04:30, not '04:30x'."),
        ("guard_deletes_percent", "101", "Hold deletes above (percent) is a whole number from 0 to 100, not '101'."),
        ("guard_deletes_percent", "-1", "Hold deletes above (percent) is a whole number from 0 to 100, not '-1'."),
        ("guard_deletes_percent", "٣", "Hold deletes above (percent) is a whole number from 0 to 100, not '٣'."),
        ("match_students", "teacher_id", "Match students by cannot be 'teacher_id'."),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(name: str, text: str, sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        with_option(defaults(), name, text)
    assert str(refused.value).startswith(sentence)


def test_an_option_of_another_kind_of_connection_is_refused() -> None:
    with pytest.raises(OptionError, match="There is no option 'sso'"):
        with_option(defaults("oneroster"), "sso", "no", "oneroster")


def test_labels_are_what_a_page_shows() -> None:
    options = with_option(defaults(), "auto_sync", "04:30")
    assert subject.label(options, "changes") == "Adds, Edits, Deletes"
    assert subject.label(options, "auto_sync") == "04:30"
    assert subject.label(defaults(), "auto_sync") == "Off"
    assert subject.label(with_option(options, "match_students", "source_id"), "match_students", "oneroster") == (
        "OneRoster ID"
    )


def _texts(kind: str) -> st.SearchStrategy[Options]:
    """Options of a kind with any of their choices."""

    def text(entry: Entry) -> st.SearchStrategy[str]:
        if entry.highest:
            return st.integers(entry.lowest, entry.highest).map(str)
        if not entry.choices:
            return st.one_of(st.just("off"), st.times().map(lambda at: at.strftime("%H:%M")))
        one = st.sampled_from([choice.text for choice in entry.choices])
        return st.lists(one, min_size=1).map(",".join) if entry.several else one

    def made(texts: dict[str, str]) -> Options:
        options = defaults(kind)
        for name, value in texts.items():
            options = with_option(options, name, value, kind)
        return options

    return st.fixed_dictionaries({name: text(entry) for name, entry in subject.catalogue(kind).items()}).map(made)


@given(st.sampled_from(["clever", "oneroster", "csv"]).flatmap(lambda kind: st.tuples(st.just(kind), _texts(kind))))
def test_what_is_written_is_read_back(case: tuple[str, Options]) -> None:
    kind, options = case
    assert decode(encode(options), kind) == options
    for name in subject.catalogue(kind):
        assert with_option(options, name, as_text(options, name), kind) == options


def test_names_that_a_release_does_not_know_are_read_past_and_missing_ones_take_their_default() -> None:
    assert decode('{"blanks": "replace", "teleport": "yes"}') == Options(blanks=subject.Blanks.REPLACE)
    assert decode("", "oneroster") == defaults("oneroster")


def test_the_shape_changes_with_the_options_that_decide_field_values_and_with_no_other() -> None:
    changed = {
        name
        for name, entry in subject.catalogue().items()
        for text in [choice.text for choice in entry.choices] or ["7", "07:00"][not entry.highest :][:1]
        if shape(with_option(defaults(), name, text)) != shape(defaults())
    }
    assert changed == {"blanks", "ignore_name_edits", "map_teacher_id", "map_student_id"}
