"""OneRoster's endpoints as the specification has them: envelopes, what belongs to what, filters, order, fields, pages, errors."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from requests.utils import parse_header_links

from sisportal.sandbox.generator import generate
from sisportal.sandbox.oneroster_routes import ENDPOINTS, IN_CLASS_IN_SCHOOL, NESTED
from sisportal.sandbox.oneroster_shapes import fields_of
from sisportal.sandbox.service import create_sandbox
from tests.sandbox.asking_oneroster import ROOTS, AskingOneRoster, content

REQUIRED = {
    "orgs": {"name", "type", "identifier"},
    "academicSessions": {"title", "startDate", "endDate", "type", "schoolYear"},
    "courses": {"title", "courseCode", "org"},
    "classes": {"title", "classType", "course", "school", "terms"},
    "users": {"enabledUser", "givenName", "familyName"},
    "enrollments": {"user", "class", "school", "role"},
    "demographics": set(),
}
ENVELOPES = {
    "orgs": ("orgs", "org"), "schools": ("orgs", "org"), "academicSessions": ("academicSessions", "academicSession"),
    "terms": ("academicSessions", "academicSession"), "gradingPeriods": ("academicSessions", "academicSession"),
    "courses": ("courses", "course"), "classes": ("classes", "class"), "users": ("users", "user"),
    "students": ("users", "user"), "teachers": ("users", "user"), "enrollments": ("enrollments", "enrollment"),
    "demographics": ("demographics", "demographics"),
}  # fmt: skip


@pytest.fixture(scope="module", params=["1.1", "1.2"])
def ask(request: pytest.FixtureRequest) -> AskingOneRoster:
    return AskingOneRoster(create_sandbox(generate(60)), request.param)


@pytest.mark.parametrize("endpoint", ENVELOPES)
def test_lists_and_single_objects_stand_under_the_keys_of_the_specification(
    ask: AskingOneRoster, endpoint: str
) -> None:
    listed = content(ask.get(f"/{endpoint}"))
    several, single = ENVELOPES[endpoint]
    assert list(listed) == [several]
    first = listed[several][0]
    assert content(ask.get(f"/{endpoint}/{first['sourcedId']}")) == {single: first}


@pytest.mark.parametrize("endpoint", ENVELOPES)
def test_every_object_has_what_the_specification_requires_and_nothing_that_it_does_not_know(
    ask: AskingOneRoster, endpoint: str
) -> None:
    kind = ENDPOINTS[endpoint].kind
    wanted = REQUIRED[kind] | {"sourcedId", "status", "dateLastModified"}
    if kind == "users":
        wanted |= {"role", "orgs", "username"} if ask.version == "1.1" else {"roles"}
    for row in ask.rows(f"/{endpoint}"):
        assert wanted <= row.keys() <= fields_of(ask.version, kind)


def test_references_name_objects_that_are_there_and_say_where(ask: AskingOneRoster) -> None:
    kinds = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")
    there = {kind: set(ask.ids(f"/{kind}")) for kind in kinds}
    for kind in kinds:
        for reference in references(ask.rows(f"/{kind}")):
            collection, id_ = reference["href"].removeprefix(f"http://sis.test{ROOTS[ask.version]}/").split("/")
            assert id_ == reference["sourcedId"]
            assert id_ in there[collection]


def references(value: Any) -> Iterator[dict[str, str]]:
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(one, dict) and "href" in one:
            yield one
        else:
            yield from references(one)


def test_schools_students_teachers_terms_and_grading_periods_are_parts_of_the_whole(ask: AskingOneRoster) -> None:
    assert {row["type"] for row in ask.rows("/schools")} == {"school"}
    assert {row["type"] for row in ask.rows("/orgs")} == {"school", "district"}
    assert {row["type"] for row in ask.rows("/terms")} == {"semester"}
    assert {row["type"] for row in ask.rows("/gradingPeriods")} == {"gradingPeriod"}
    for endpoint in ("students", "teachers"):
        assert set(ask.ids(f"/{endpoint}")) < set(ask.ids("/users"))


def test_what_belongs_to_a_school(ask: AskingOneRoster) -> None:
    school = ask.ids("/schools")[0]
    classes = [row for row in ask.rows("/classes") if row["school"]["sourcedId"] == school]
    assert ask.rows(f"/schools/{school}/classes") == classes
    courses = {row["course"]["sourcedId"] for row in classes}
    assert set(ask.ids(f"/schools/{school}/courses")) == courses
    seats = [row for row in ask.rows("/enrollments") if row["school"]["sourcedId"] == school]
    assert ask.rows(f"/schools/{school}/enrollments") == seats
    assert ask.rows(f"/schools/{school}/terms") == ask.rows("/terms")
    for role in ("student", "teacher"):
        people = [row["sourcedId"] for row in ask.rows(f"/{role}s") if school in homes(row, role)]
        assert ask.ids(f"/schools/{school}/{role}s") == people


def homes(user: dict[str, Any], role: str) -> list[str]:
    if "roles" in user:
        return [one["org"]["sourcedId"] for one in user["roles"] if one["role"] == role]
    return [one["sourcedId"] for one in user["orgs"]]


def test_what_belongs_to_a_class_and_to_a_person(ask: AskingOneRoster) -> None:
    seats = ask.rows("/enrollments")
    first = seats[0]
    class_, school = first["class"]["sourcedId"], first["school"]["sourcedId"]
    mine = [row for row in seats if row["class"]["sourcedId"] == class_]
    assert ask.rows(f"/schools/{school}/classes/{class_}/enrollments") == mine
    for role in ("student", "teacher"):
        people = sorted(row["user"]["sourcedId"] for row in mine if row["role"] == role)
        assert ask.ids(f"/classes/{class_}/{role}s") == people
        assert ask.ids(f"/schools/{school}/classes/{class_}/{role}s") == people
        attended = {row["class"]["sourcedId"] for row in seats if row["user"]["sourcedId"] == people[0]}
        assert set(ask.ids(f"/{role}s/{people[0]}/classes")) == set(ask.ids(f"/users/{people[0]}/classes")) == attended


def test_what_belongs_to_a_term_and_to_a_course(ask: AskingOneRoster) -> None:
    term = next(row["sourcedId"] for row in ask.rows("/terms") if row["title"] == "S1")
    classes = ask.rows("/classes")
    of_term = [row["sourcedId"] for row in classes if term in [one["sourcedId"] for one in row["terms"]]]
    assert ask.ids(f"/terms/{term}/classes") == of_term
    periods = [row["title"] for row in ask.rows(f"/terms/{term}/gradingPeriods")]
    assert periods == ["Q1", "Q2"]
    course = classes[0]["course"]["sourcedId"]
    of_course = [row["sourcedId"] for row in classes if row["course"]["sourcedId"] == course]
    assert ask.ids(f"/courses/{course}/classes") == of_course


@pytest.mark.parametrize(("collection", "below"), NESTED)
def test_every_nested_list_is_a_page_of_its_kind(ask: AskingOneRoster, collection: str, below: str) -> None:
    reply = ask.get(f"/{collection}/{ask.ids(f'/{collection}')[0]}/{below}", limit=1)
    assert list(content(reply)) == [ENVELOPES[below][0]]
    assert int(reply.headers["X-Total-Count"]) >= len(content(reply)[ENVELOPES[below][0]])


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/users/nobody",
        "/schools/nowhere/classes",
        "/courses/x/users",
        "/terms/x",
        "/schools/a/classes/b/users",
    ],
)
def test_what_is_not_there_is_an_unknown_object(ask: AskingOneRoster, path: str) -> None:
    assert ask.refused(path) == (404, "unknownobject")


@pytest.mark.parametrize("below", IN_CLASS_IN_SCHOOL)
def test_a_class_is_found_in_its_own_school_only(ask: AskingOneRoster, below: str) -> None:
    row = ask.rows("/classes")[0]
    other = next(id_ for id_ in ask.ids("/schools") if id_ != row["school"]["sourcedId"])
    assert ask.refused(f"/schools/{other}/classes/{row['sourcedId']}/{below}") == (404, "unknownobject")


def test_a_district_is_no_school(ask: AskingOneRoster) -> None:
    district = next(row["sourcedId"] for row in ask.rows("/orgs") if row["type"] == "district")
    assert ask.refused(f"/schools/{district}") == (404, "unknownobject")


# --- filters

FILTERS = [
    ("familyName='{familyName}'", lambda row, one: row["familyName"] == one["familyName"]),
    ("familyName!='{familyName}'", lambda row, one: row["familyName"] != one["familyName"]),
    ("givenName~'A'", lambda row, _: "a" in row["givenName"].casefold()),
    ("givenName>'L'", lambda row, _: row["givenName"] > "L"),
    ("dateLastModified>='2026-08-01'", lambda row, _: row["dateLastModified"] >= "2026-08-01"),
    ("dateLastModified<'2026-08-01T00:00:00Z'", lambda row, _: row["dateLastModified"] < "2026-08-01"),
    ("status='active' AND givenName<='L'", lambda row, _: row["givenName"] <= "L"),
    ("sourcedId='{sourcedId}' OR familyName>'S'", lambda row, one: row == one or row["familyName"] > "S"),
    ("grades~'05'", lambda row, _: "05" in row["grades"]),
    ("grades='05'", lambda row, _: row["grades"] == ["05"]),
    ("userIds.identifier='{sourcedId}'", lambda row, one: [i["identifier"] for i in row["userIds"]] == [one["sourcedId"]]),
    ("agents.sourcedId~'{sourcedId}'", lambda row, one: one["sourcedId"] in [a["sourcedId"] for a in row["agents"]]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "passes"), FILTERS, ids=[text for text, _ in FILTERS])
def test_a_filter_lets_pass_what_it_says(ask: AskingOneRoster, text: str, passes: Any) -> None:
    users = ask.rows("/users")
    one = next(user for user in users if user["givenName"] < "L" and "'" not in user["familyName"])
    reply = ask.get("/users", limit=1000, filter=text.format(**one))
    assert [row["sourcedId"] for row in content(reply)["users"]] == [r["sourcedId"] for r in users if passes(r, one)]
    assert reply.headers["X-Total-Count"] == str(len(content(reply)["users"]))


def test_a_quote_is_doubled_in_a_filter(ask: AskingOneRoster) -> None:
    quoted = [row["sourcedId"] for row in ask.rows("/users") if "'" in row["familyName"]]
    assert quoted
    assert ask.ids("/users", filter="familyName~''''") == quoted


def test_references_are_filtered_by_id(ask: AskingOneRoster) -> None:
    seat = ask.rows("/enrollments")[0]
    class_ = seat["class"]["sourcedId"]
    by_path = ask.rows("/enrollments", filter=f"class.sourcedId='{class_}' AND role='student'")
    assert {(row["class"]["sourcedId"], row["role"]) for row in by_path} == {(class_, "student")}


@pytest.mark.parametrize(
    "text",
    ["nonsense", "shoeSize='42'", "status=active", "status = 'active'", "grades>'05'", "dateLastModified>'yesterday'",
     "status='active' AND status='active' AND status='active'", "(status='active')", "status='active' NOR role='x'"],
)  # fmt: skip
def test_what_is_no_filter_is_refused(ask: AskingOneRoster, text: str) -> None:
    assert ask.refused("/users", filter=text) == (400, "invalid_filter_field")


# --- order, fields, pages


def test_lists_are_in_the_order_asked_for(ask: AskingOneRoster) -> None:
    rows = ask.rows("/users", sort="familyName", orderBy="desc")
    order = [(row["familyName"], row["sourcedId"]) for row in rows]
    assert order == sorted(order, reverse=True)
    assert ask.ids("/users") == ask.ids("/users", sort="sourcedId") == sorted(ask.ids("/users"))
    assert ask.ids("/users", sort="sourcedId", orderBy="desc") == sorted(ask.ids("/users"), reverse=True)
    moments = [row["dateLastModified"] for row in ask.rows("/users", sort="dateLastModified", orderBy="asc")]
    assert moments == sorted(moments)


def test_an_order_that_is_unknown_does_not_fail(ask: AskingOneRoster) -> None:
    assert ask.ids("/users", sort="shoeSize") == ask.ids("/users")
    assert ask.refused("/users", sort="familyName", orderBy="acs") == (400, "invaliddata")


def test_only_the_fields_asked_for_are_shown(ask: AskingOneRoster) -> None:
    assert {frozenset(row) for row in ask.rows("/users", fields="sourcedId, familyName")} == {
        frozenset({"sourcedId", "familyName"})
    }
    student = ask.ids("/students")[0]
    assert ask.one(f"/students/{student}", fields="sourcedId") == {"sourcedId": student}
    assert ask.refused("/users", fields="sourcedId,shoeSize") == (400, "invalid_selection_field")
    assert ask.refused("/users", fields="") == (400, "invalid_blank_selection_field")


def test_pages_tell_their_neighbours_as_in_the_specification(ask: AskingOneRoster) -> None:
    total = len(ask.ids("/users"))
    reply = ask.get("/users", limit=10, offset=10, filter="status='active'")
    links = {one["rel"]: one["url"] for one in parse_header_links(reply.headers["Link"])}
    start = f"http://sis.test{ROOTS[ask.version]}/users?filter=status%3D%27active%27&"
    last = (total - 1) // 10 * 10
    assert reply.headers["X-Total-Count"] == str(total)
    assert links == {
        "next": f"{start}limit=10&offset=20", "last": f"{start}limit={total - last}&offset={last}",
        "first": f"{start}limit=10&offset=0", "prev": f"{start}limit=10&offset=0",
    }  # fmt: skip


def test_all_pages_together_are_the_list(ask: AskingOneRoster) -> None:
    pages = [ask.ids("/users", limit=7, offset=offset) for offset in range(0, 120, 7)]
    assert [id_ for page in pages for id_ in page] == ask.ids("/users")
    assert len(content(ask.get("/enrollments"))["enrollments"]) == 100


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": -1}, {"limit": "all"}, {"offset": -1}, {"offset": "x"}])
def test_a_page_that_cannot_be_is_refused(ask: AskingOneRoster, query: dict[str, Any]) -> None:
    assert ask.refused("/users", **query) == (400, "invaliddata")


def test_one_person_has_one_role_in_1_1_and_all_of_them_in_1_2() -> None:
    sandbox = create_sandbox(generate(60))
    older, newer = (AskingOneRoster(sandbox, version) for version in ROOTS)
    both = next(row for row in newer.rows("/users") if len({one["role"] for one in row["roles"]}) > 1)
    known = older.one(f"/users/{both['sourcedId']}")
    assert known["role"] == both["roles"][0]["role"] == "teacher"
    assert [one["roleType"] for one in both["roles"]] == ["primary"] + ["secondary"] * (len(both["roles"]) - 1)
    assert both["primaryOrg"] == both["roles"][0]["org"]
    assert [org["sourcedId"] for org in known["orgs"]] == homes(both, "teacher")
    roles = {one["role"] for row in newer.rows("/users") for one in row["roles"]}
    assert {"student", "teacher", "principal", "districtAdministrator", "parent"} <= roles
    assert {row["role"] for row in older.rows("/users")} <= {
        "administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher",
    }  # fmt: skip


def test_students_and_their_contacts_name_each_other() -> None:
    ask = AskingOneRoster(create_sandbox(generate(60)))
    users = {row["sourcedId"]: row for row in ask.rows("/users")}
    parents = [row for row in users.values() if row["role"] in ("parent", "guardian", "relative")]
    assert parents
    for parent in parents:
        for child in parent["agents"]:
            assert parent["sourcedId"] in [agent["sourcedId"] for agent in users[child["sourcedId"]]["agents"]]


_TABLES = """
/academicSessions /academicSessions/{academicSessions} /terms /terms/{terms} /gradingPeriods /gradingPeriods/{gradingPeriods}
/orgs /orgs/{orgs} /schools /schools/{schools} /courses /courses/{courses} /classes /classes/{classes} /users /users/{users}
/students /students/{students} /teachers /teachers/{teachers} /enrollments /enrollments/{enrollments}
/demographics /demographics/{demographics}
/schools/{schools}/courses /schools/{schools}/classes /schools/{schools}/enrollments /schools/{schools}/students
/schools/{schools}/teachers /schools/{schools}/terms
/schools/{schools}/classes/{classes}/enrollments /schools/{schools}/classes/{classes}/students
/schools/{schools}/classes/{classes}/teachers
/terms/{terms}/classes /terms/{terms}/gradingPeriods /courses/{courses}/classes
/students/{students}/classes /teachers/{teachers}/classes /users/{users}/classes
/classes/{classes}/students /classes/{classes}/teachers
"""
ADDRESSES = _TABLES.split()
"""Every rostering address of both versions (1EdTech: OneRoster 1.1, tables 3.1a to c)."""


def test_every_address_of_the_specification_is_answered(ask: AskingOneRoster) -> None:
    ids = {name: ask.ids(f"/{name}")[0] for name in ENVELOPES}
    class_ = ask.rows("/classes")[0]
    ids |= {"classes": class_["sourcedId"], "schools": class_["school"]["sourcedId"]}
    replies = {address: ask.get(address.format(**ids)) for address in ADDRESSES}

    assert len(replies) == 41
    assert {address: reply.status_code for address, reply in replies.items()} == dict.fromkeys(ADDRESSES, 200)
    for address, reply in replies.items():
        last = address.rpartition("/")[2]
        several, single = ENVELOPES[last.strip("{}")]
        assert list(content(reply)) == [single if last.startswith("{") else several], address


def test_the_newer_version_describes_itself() -> None:
    ask = AskingOneRoster(create_sandbox(generate(60)), "1.2")
    described = content(ask.get("/discovery/onerosterv1p2rostersservice_openapi3_v1p0.json", ""))
    assert described["servers"] == [{"url": f"http://sis.test{ROOTS['1.2']}"}]
    names = {re.sub(r"{\w+}", "{}", path) for path in described["paths"]}
    assert names == {re.sub(r"{\w+}", "{}", path) for path in ADDRESSES}
