"""The sync options as pages and the command line present them: label, one line of help, choices, bounds."""

import msgspec

CLEVER_VERSIONS = ("1.1", "2.0", "2.1", "3.0", "3.1")
ONEROSTER_VERSIONS = ("1.1", "1.2")


class Choice(msgspec.Struct, frozen=True):
    """One value that an option can have: as written on the command line, and as shown on a page."""

    text: str
    label: str


class Entry(msgspec.Struct, frozen=True):
    """An option as a page or the command line presents it, for one kind of connection."""

    name: str
    label: str
    help: str
    choices: tuple[Choice, ...] = ()
    """Blank for a number or a time of day."""
    several: bool = False
    """Whether more than one choice can be set at once."""
    lowest: int = 0
    highest: int = 0
    """The bounds of a number; ``highest`` 0 means that the option is not a number."""
    only: tuple[str, ...] = ()
    """The kinds of connection that have the option; blank: all."""


def _choices(**labels: str) -> tuple[Choice, ...]:
    return tuple(Choice(text, label) for text, label in labels.items())


def _versions(versions: tuple[str, ...]) -> tuple[Choice, ...]:
    return tuple(Choice(version, version) for version in versions)


YES_NO = _choices(yes="Yes", no="No")
PERCENT = 100
COUNT = 1_000_000

ENTRIES = (
    Entry(
        "api_version",
        "Clever API version",
        "The version of Clever's API that is spoken. Clever has shut 1.1 down, so new connections start on 3.1; "
        "changing it keeps every link.",
        _versions(CLEVER_VERSIONS),
        only=("clever",),
    ),
    Entry(
        "api_version",
        "OneRoster version",
        "The version of OneRoster that the SIS speaks.",
        _versions(ONEROSTER_VERSIONS),
        only=("oneroster",),
    ),
    Entry(
        "items",
        "Items to sync",
        "What a sync plans. Sections need users that were synced and committed before.",
        _choices(users="Users", sections="Sections"),
        several=True,
    ),
    Entry(
        "changes",
        "Changes to sync",
        "The kinds of change that are planned; the report counts what was left out.",
        _choices(adds="Adds", edits="Edits", deletes="Deletes"),
        several=True,
    ),
    Entry(
        "email_on_create",
        "E-mail users on create",
        "Sends a created account with an e-mail address its username and a link to set a password, never a password.",
        YES_NO,
    ),
    Entry(
        "sso",
        "SSO with Clever",
        "Whether people may sign in with Clever. Auto: off before the first commit, on after it.",
        _choices(auto="Auto", yes="Yes", no="No"),
        only=("clever",),
    ),
    Entry(
        "auto_sync",
        "Automatic daily sync",
        "The time of day at which a sync starts by itself, in the portal's time zone, such as 04:30. Off, or empty: never.",
    ),
    Entry(
        "auto_commit",
        "Commit automatic syncs",
        "Yes: an automatic sync commits what no guard and no doubtful match holds. No: it is prepared, and waits.",
        YES_NO,
    ),
    Entry(
        "parent_child",
        "Create parent/child sections",
        "New classes of one organization and one primary teacher that are alike by the next option become sessions of one parent.",
        YES_NO,
    ),
    Entry(
        "self_paced",
        "Create classes without dates as self-paced",
        "A class with neither start nor finish in the SIS is created as self-paced; otherwise as instructor-led.",
        YES_NO,
    ),
    Entry(
        "blanks",
        "Blank values from the SIS",
        "Ignore: a blank never overwrites a value. Replace: it does.",
        _choices(ignore="Ignore", replace="Replace"),
    ),
    Entry(
        "ignore_name_edits",
        "Ignore edits to section names",
        "The name of a class stays as it was first synced or set here, whatever the SIS calls it later.",
        YES_NO,
    ),
    Entry(
        "match_students",
        "Match students by",
        "What tells that a student without a link is an account that exists already.",
        _choices(student_id="Student ID", email="E-mail", sis_id="SIS ID", source_id="{source} ID"),
    ),
    Entry(
        "match_teachers",
        "Match teachers by",
        "What tells that a teacher without a link is an account that exists already.",
        _choices(email="E-mail", teacher_id="Teacher ID", sis_id="SIS ID", source_id="{source} ID"),
    ),
    Entry(
        "match_sections",
        "Match sections by",
        "What tells that a section without a link is a class that exists already in the same organization.",
        _choices(class_name="Class name", sis_id="SIS ID", source_id="{source} ID"),
    ),
    Entry(
        "match_sessions",
        "Match sessions by",
        "What the sessions of one parent class have in common: the course's name, its number, or both.",
        _choices(name_and_code="Class name + class code", code="Class code", name="Class name"),
    ),
    Entry(
        "match_within_30_days",
        "Ignore classes whose dates differ by more than 30 days",
        "Where both sides have both dates and both differ by more than 30 days, a section and a class never match.",
        YES_NO,
    ),
    Entry(
        "blended",
        "Blended instead of instructor-led",
        "A class with both a start and a finish is created as blended.",
        YES_NO,
    ),
    Entry(
        "map_teacher_id",
        "Map teacher_id onto",
        "The field that receives the SIS's teacher number. With SIS ID, the SIS's own id is not written for teachers.",
        _choices(teacher_id="Teacher ID", sis_id="SIS ID"),
    ),
    Entry(
        "map_student_id",
        "Map student_id onto",
        "The field that receives the SIS's student number. With SIS ID, the SIS's own id is not written for students.",
        _choices(student_id="Student ID", sis_id="SIS ID"),
    ),
    Entry(
        "guard_deletes_percent",
        "Hold deletes above (percent)",
        "Deletes of one school and type are held when they are more than this share of its records.",
        highest=PERCENT,
    ),
    Entry(
        "guard_deletes_count",
        "Hold deletes above (records)",
        "Deletes of one school and type are held when they are more than this many, whatever the share.",
        highest=COUNT,
    ),
    Entry(
        "guard_deletes_from",
        "Hold deletes from (records held)",
        "A school with fewer records of the type than this is not guarded against deletes.",
        highest=COUNT,
    ),
    Entry(
        "guard_deletes_least",
        "Hold deletes from (deletes planned)",
        "Fewer deletes than this are never held, whatever the share.",
        highest=COUNT,
    ),
    Entry(
        "guard_adds_percent",
        "Hold adds above (percent)",
        "Adds of one school and type are held when they are more than this share of its records, except at first.",
        highest=10_000,
    ),
    Entry(
        "guard_adds_from",
        "Hold adds from (records held)",
        "A school with fewer records of the type than this is not guarded against adds.",
        highest=COUNT,
    ),
    Entry(
        "guard_class_percent",
        "Hold a class that loses above (percent)",
        "The roster change of a class is held when it would lose more than this share of its students.",
        highest=PERCENT,
    ),
    Entry(
        "guard_class_from",
        "Guard classes from (students)",
        "A class with fewer students than this may lose any number of them.",
        highest=COUNT,
    ),
    Entry(
        "guard_ids_percent",
        "Hold changed ids above (percent)",
        "Changes of people's ids in one school are held when they concern more than this share of its people, and at least 3.",
        highest=PERCENT,
    ),
    Entry(
        "alarm_hours",
        "Tell when no sync has succeeded (hours)",
        "This long after the time of an automatic sync, administrators are told that none has succeeded.",
        lowest=1,
        highest=72,
    ),
    Entry(
        "alarm_days",
        "Tell when the SIS's data is old (days)",
        "Administrators are told when the newest data of the SIS is older than this; 0: never.",
        highest=365,
    ),
)
