"""The habits of a profile, each as it shows on the wire, and that what is told stays the same."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from sisportal.sandbox import edits
from sisportal.sandbox.days import pass_day
from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_profiles import PROFILES, Profile
from sisportal.sandbox.oneroster_quirks import odd, straight
from sisportal.sandbox.service import create_sandbox
from tests.sandbox.asking_oneroster import AskingOneRoster, content


@pytest.fixture
def ask() -> AskingOneRoster:
    district = generate(60)
    asking = AskingOneRoster(create_sandbox(district))
    asking.ids("/orgs")
    pass_day(district)
    return asking


def pages(ask: AskingOneRoster, path: str, *, step: int = 40, **query: Any) -> list[list[str]]:
    """Ids page by page."""
    return [ask.ids(path, limit=step, offset=offset, **query) for offset in range(0, 200, step)]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_says_what_it_is_and_answers(ask: AskingOneRoster, profile: str) -> None:
    ask.sandbox.oneroster.use(profile)
    assert ask.sandbox.oneroster.profile.says
    for version, _ in PROFILES[profile].roots:
        asking = AskingOneRoster(ask.sandbox, version)
        endpoint = next(name for name in ("users", "students") if name not in PROFILES[profile].missing)
        assert len(asking.rows(f"/{endpoint}")) >= 50


def test_a_profile_that_is_none_is_refused(ask: AskingOneRoster) -> None:
    with pytest.raises(KeyError):
        ask.sandbox.oneroster.use("like-nothing")


@pytest.mark.parametrize(
    ("envelope", "key"), [("spec", "users"), ("endpoint", "students"), ("bare", "")]
)  # fmt: skip
def test_lists_stand_under_other_keys(ask: AskingOneRoster, envelope: str, key: str) -> None:
    ask.sandbox.oneroster.use(Profile(says="envelopes", envelope=envelope))
    listed = content(ask.get("/students", limit=2))
    assert len(listed[key] if key else listed) == 2
    single = content(ask.get("/students/100002"))
    assert (single[{"users": "user", "students": "student"}[key]] if key else single)["sourcedId"] == "100002"


def test_headers_may_be_missing_or_others(ask: AskingOneRoster) -> None:
    def headers(**habit: Any) -> dict[str, str]:
        ask.sandbox.oneroster.use(Profile(says="headers", **habit))
        reply = ask.get("/users", limit=10, offset=30, filter="role='student'")
        named = ("X-Total-Count", "Link", "Next", "Previous", "x-count", "x-perm-rev")
        return {name: reply.headers[name] for name in named if name in reply.headers}

    start = "http://sis.test/ims/oneroster/v1p1/users?filter=role%3D%27student%27&limit=10&offset="
    everybody = str(len(ask.ids("/users")))
    students = len(ask.ids("/users", filter="role='student'"))
    assert headers(totals="none", links="none") == {}
    assert headers(totals="none", links="headers") == {"Next": f"{start}40", "Previous": f"{start}20"}
    assert headers(totals="none", links="next") == {"Link": f'<{start}40>; rel="next",'}
    assert headers(totals="unfiltered", links="none") == {"X-Total-Count": everybody}
    assert headers(links="none", revisions="steady") == {
        "X-Total-Count": str(students),
        "x-count": "10",
        "x-perm-rev": "2",
    }


def test_pages_are_clamped_refused_or_not_there(ask: AskingOneRoster) -> None:
    use, everybody = ask.sandbox.oneroster.use, ask.ids("/users")
    use(Profile(says="clamped", most=10))
    assert ask.ids("/users", limit=50, offset=5) == everybody[5:15]
    use(Profile(says="leaping", most=10, links="leaping"))
    assert "offset=55>" in ask.get("/users", limit=50, offset=5).headers["Link"]
    use(Profile(says="refused", refuses_above=50))
    assert (ask.refused("/users", limit=51), len(ask.ids("/users", limit=50))) == ((400, "invaliddata"), 50)
    use(Profile(says="unpaged", pages=False))
    assert ask.ids("/users", limit=5, offset=5) == everybody


def test_filters_are_ignored_lenient_empty_or_refused(ask: AskingOneRoster) -> None:
    use, everybody = ask.sandbox.oneroster.use, len(ask.ids("/users"))
    use(Profile(says="ignored", filters="ignored"))
    assert len(ask.ids("/users", filter="role='teacher'")) == everybody
    use(Profile(says="lenient", filters="lenient"))
    assert (
        len(ask.ids("/users", filter="role='teacher'")) < everybody == len(ask.ids("/users", filter="role is teacher"))
    )
    use(Profile(says="nothing", filters="nothing"))
    assert ask.ids("/users", filter="role='teacher'") == []
    use(Profile(says="refused", filters="refused"))
    assert ask.refused("/users", filter="role='teacher'") == (400, "invalid_filter_field")


def test_the_order_may_be_another_for_every_request(ask: AskingOneRoster) -> None:
    use, in_order = ask.sandbox.oneroster.use, ask.ids("/users")
    use(Profile(says="unstable", order="unstable", descends=False))
    assert ask.ids("/users") != ask.ids("/users")
    assert ask.ids("/users", sort="sourcedId", orderBy="desc") == in_order
    use(Profile(says="unsorted", order="unsorted"))
    assert ask.ids("/users", sort="sourcedId") != in_order
    assert sorted(ask.ids("/users", sort="sourcedId")) == in_order
    assert sorted(id_ for page in pages(ask, "/users") for id_ in page) != in_order
    use(Profile(says="unsortable", sorts=False))
    assert ask.refused("/users", sort="sourcedId") == (400, "invalid_sort_field")


def spelt(ask: AskingOneRoster, **habit: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A user, a primary enrollment and the district's organization as a profile spells them."""
    ask.sandbox.oneroster.use(Profile(says="spelling", **habit))
    seat = next(row for row in ask.rows("/enrollments") if row["role"] == "teacher")
    return ask.rows("/users")[0], seat, ask.rows("/orgs")[-1]


@pytest.mark.parametrize(
    ("truths", "yes", "no"),
    [("words", "true", "false"), ("booleans", True, False), ("numbers", 1, 0), ("capitals", "TRUE", "FALSE")],
)
def test_booleans_are_spelt_in_four_ways(ask: AskingOneRoster, truths: str, yes: object, no: object) -> None:
    user, seat, _ = spelt(ask, truths=truths)
    assert (user["enabledUser"], seat["primary"]) == (yes, yes)
    student = next(row for row in ask.rows("/enrollments") if row["role"] == "student")
    assert student["primary"] == no
    assert type(student["primary"]) is type(no)


def test_references_are_bare_or_relative(ask: AskingOneRoster) -> None:
    assert set(spelt(ask, refs="bare")[1]["user"]) == {"sourcedId"}
    relative = spelt(ask, refs="relative")[1]["school"]
    assert relative == {"href": f"/orgs/{relative['sourcedId']}", "sourcedId": relative["sourcedId"], "type": "school"}


def test_the_reference_implementation_has_habits(ask: AskingOneRoster) -> None:
    _, _, org = spelt(ask, reference_habits=True)
    assert (org["parent"], org["metadata"], len(org["dateLastModified"])) == ([], [], 20)
    assert type(ask.rows("/academicSessions")[0]["schoolYear"]) is int
    assert type(ask.rows("/courses")[0]["schoolYear"]) is list
    assert type(ask.rows("/classes")[0]["subjects"]) is str


def test_what_is_not_there_is_null(ask: AskingOneRoster) -> None:
    user, seat, org = spelt(ask, nulls=True)
    assert (user["sms"], seat["endDate"], org["parent"]) == (None, None, None)


def test_ids_are_padded_or_odd_wherever_they_stand_and_are_found_all_the_same(ask: AskingOneRoster) -> None:
    _, seat, _ = spelt(ask, padded_ids=True)
    user = seat["user"]["sourcedId"]
    assert user == f" {user.strip()}  "
    assert ask.one(f"/users/{user.strip()}")["sourcedId"] == user
    _, seat, _ = spelt(ask, odd_ids=True)
    assert seat["user"]["sourcedId"] == odd(user.strip())
    quoted = odd(user.strip()).replace("/", "%2F").replace(" ", "%20").replace("@", "%40")
    assert straight(ask.one(f"/users/{quoted}")["sourcedId"]) == user.strip()


def test_users_may_carry_more_than_they_should(ask: AskingOneRoster) -> None:
    ask.sandbox.oneroster.use(Profile(says="more", both_roles=True, passwords=True))
    user = AskingOneRoster(ask.sandbox, "1.2").rows("/users")[0]
    assert user["password"]
    assert user["role"] == user["roles"][0]["role"]
    assert user["orgs"] == [user["roles"][0]["org"]]


def test_what_is_deleted_vanishes_or_is_called_otherwise(ask: AskingOneRoster) -> None:
    use, counted = ask.sandbox.oneroster.use, statuses(ask)
    assert counted["tobedeleted"]
    use("inactive")
    assert statuses(ask) == {"active": counted["active"], "inactive": counted["tobedeleted"]}
    use("vanishing")
    assert statuses(ask) == {"active": counted["active"]}


def statuses(ask: AskingOneRoster) -> dict[str, int]:
    found = [row["status"] for kind in ("users", "classes", "enrollments") for row in ask.rows(f"/{kind}")]
    return {status: found.count(status) for status in found}


def test_one_person_is_one_user_for_each_school(ask: AskingOneRoster) -> None:
    ask.sandbox.oneroster.use("twins")
    users = ask.rows("/students")
    twins = [row for row in users if "." in row["sourcedId"]]
    assert twins
    assert all(len(row["orgs"]) == 1 for row in users)
    identifiers = [row["identifier"] for row in users if "identifier" in row]
    assert all(identifiers.count(twin["identifier"]) > 1 for twin in twins if "identifier" in twin)
    ids = set(ask.ids("/users"))
    assert {row["user"]["sourcedId"] for row in ask.rows("/enrollments")} <= ids


def test_some_people_are_not_listed_and_some_where_they_do_not_belong(ask: AskingOneRoster) -> None:
    class_ = ask.rows("/enrollments", filter="role='teacher'")[0]["class"]["sourcedId"]
    ask.sandbox.oneroster.use(Profile(says="people", planned_only=True, extra_people=True))
    assert {row["role"] for row in ask.rows("/users")} == {"student", "teacher"}
    assert {row["role"] for row in ask.rows(f"/classes/{class_}/students")} == {"student", "teacher"}


def test_endpoints_are_missing_or_forbidden(ask: AskingOneRoster) -> None:
    ask.sandbox.oneroster.use(Profile(says="less", missing=("orgs", "schools/classes"), forbidden=("demographics",)))
    school = ask.ids("/schools")[0]
    assert ask.refused("/orgs") == ask.refused(f"/schools/{school}/classes") == (404, "unknownobject")
    assert ask.refused("/demographics") == (403, "forbidden")
    assert ask.ids(f"/schools/{school}/students")


ERRORS: list[tuple[str, Callable[[Any], bool]]] = [
    ("nested", lambda reply: content(reply)["imsx_codeMajor"] == "failure"),
    ("set", lambda reply: content(reply)["statusInfoSet"][0]["imsx_codeMinor"] == "unknownobject"),
    ("flat", lambda reply: content(reply)["imsx_codeMinor"] == "unknownobject"),
    ("word", lambda reply: content(reply) == {"error": "not_found"}),
    ("empty", lambda reply: reply.data == b""),
]


@pytest.mark.parametrize(("shape", "is_so"), ERRORS, ids=[shape for shape, _ in ERRORS])
def test_errors_have_several_shapes(ask: AskingOneRoster, shape: str, is_so: Callable[[Any], bool]) -> None:
    ask.sandbox.oneroster.use(Profile(says="errors", errors=shape))
    reply = ask.get("/users/nobody")
    assert reply.status_code == 404
    assert is_so(reply)


def test_now_and_then_the_provider_is_busy_and_says_so_in_html(ask: AskingOneRoster) -> None:
    ask.sandbox.oneroster.use(Profile(says="busy", busy_every=3))
    replies = [ask.get("/orgs") for _ in range(6)]
    assert [reply.status_code for reply in replies] == [200, 200, 429, 200, 200, 429]
    assert (replies[2].headers["Retry-After"], replies[2].mimetype) == ("1", "text/html")


def test_the_revision_is_the_same_until_the_data_change(ask: AskingOneRoster) -> None:
    def revisions() -> list[str]:
        return [ask.get("/orgs").headers["x-perm-rev"] for _ in range(10)]

    ask.sandbox.oneroster.use(Profile(says="steady", revisions="steady"))
    first = set(revisions())
    edits.rename_section(ask.sandbox.district, ask.sandbox.district.sections.ids[0], "Another")
    assert len(first) == 1
    assert first.isdisjoint(revisions())
    ask.sandbox.oneroster.use(Profile(says="changing", revisions="changing"))
    assert len(set(revisions())) == 2


def test_a_token_may_be_good_for_a_few_requests(ask: AskingOneRoster) -> None:
    ask.sandbox.oneroster.use(Profile(says="short", token_uses=2, expires=False))
    access = ask.sandbox.access
    form = {"grant_type": "client_credentials"}
    reply = Client(ask.sandbox).post("/token", data=form, auth=(access.client_id, access.client_secret))
    said = content(reply)
    assert said.keys() == {"access_token", "token_type"}
    assert [ask.get("/orgs", f"Bearer {said['access_token']}").status_code for _ in range(3)] == [200, 200, 401]
