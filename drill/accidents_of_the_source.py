"""Accidents of the SIS: it is empty, cut off, lies, changes its mind or its ids."""

import copy
from typing import Any

from drill.scene import PAGES, Scene, accident
from sisportal.providers.base import Provider
from sisportal.providers.opening import open_clever
from sisportal.sandbox import edits
from sisportal.sandbox.service import CLIENT_ID, CLIENT_SECRET
from sisportal.syncing.connections import ConnectionFacts
from sisportal.syncing.prepare import prepare
from tests.syncing.portal import PAGE, during

USERS, SECTIONS, SCHOOLS = "/v3.1/users", "/v3.1/sections", "/v3.1/schools"


@accident("An empty list of people is never believed: the sync stops and nobody is archived.")
def the_source_is_empty(scene: Scene) -> None:
    scene.fault("empty-list", USERS, "")
    scene.fails("empty")
    scene.mends()


@accident("An empty list of sections archives no class.")
def the_sections_are_gone(scene: Scene) -> None:
    scene.fault("empty-list", SECTIONS, "")
    sync_id = scene.prepare()
    assert {each["type"] for each in scene.sync(sync_id).withheld} == {"section"}
    scene.held_back(sync_id)
    scene.stands()
    scene.mends()


@accident("A page that ends in the middle fails the sync; nothing of it is taken for all there is.")
def half_a_page(scene: Scene) -> None:
    scene.fault("truncated-json", USERS, f"role=student&{PAGES}", nth=2)
    scene.fails()
    scene.mends()


@accident("A page that is {} with status 200 is an error, not the end of the list.")
def a_page_without_its_envelope(scene: Scene) -> None:
    scene.fault("empty-envelope", USERS, f"role=student&{PAGES}", nth=2)
    scene.fails()
    scene.mends()


@accident("A web page with status 200 is an error, not an empty list.")
def a_web_page_instead_of_data(scene: Scene) -> None:
    scene.fault("html", SECTIONS)
    scene.fails()
    scene.mends()


@accident("A list whose next page leads back or never ends stops the sync.")
def pages_without_end(scene: Scene) -> None:
    scene.fault("endless-paging", USERS)
    scene.fails("repeated-page")
    scene.mends()


@accident("Where rows are missing from a list, nobody is taken for a leaver.")
def a_page_one_row_short(scene: Scene) -> None:
    scene.fault("skipped-rows", USERS, f"role=student&{PAGES}", nth=2, times=1)
    sync_id = scene.prepare()
    assert scene.sync(sync_id).withheld
    scene.held_back(sync_id)
    scene.stands()
    scene.mends()


@accident("Where the total says more than was listed, nobody is archived, be it the total or the list that lies.")
def totals_that_lie(scene: Scene) -> None:
    edits.leave(scene.district, scene.student(1).id)
    scene.fault("wrong-count", USERS, "count=true", rows=3)
    sync_id = scene.prepare()
    assert scene.sync(sync_id).withheld, "the list was believed against its own total"
    scene.held_back(sync_id)
    scene.stands()


@accident("A full page that leads nowhere is not taken for the end of the list.")
def a_page_that_leads_nowhere(scene: Scene) -> None:
    scene.fault("missing-next", USERS, f"role=student&{PAGES}")
    sync_id = scene.prepare()
    assert scene.planned(sync_id) <= scene.usual
    scene.held_back(sync_id)
    scene.stands()
    scene.mends()


@accident("A row that comes twice, on one page or on two, is one account.")
def the_same_person_on_two_pages(scene: Scene) -> None:
    scene.fault("duplicated-rows", USERS, rows=3)
    sync_id = scene.prepare()
    assert scene.planned(sync_id) <= scene.usual
    scene.held_back(sync_id)
    scene.stands()


@accident("New ids for the same people make no second accounts and archive nobody without a person's word.")
def ids_recreated(scene: Scene) -> None:
    everybody, active = len(scene.accounts()), scene.active()
    theirs = scene.held()
    students = [p for p in scene.district.people if p.student and p.student.number and p.id in theirs][:60]
    for person in students:
        _give_another_id(scene, person.id, f"{person.id[:-2]}zz{person.id[-2:]}")
    scene.held_back(scene.accept_all())
    assert active <= scene.active(), "somebody was archived although guards were released, and nothing else"
    assert len(scene.accounts()) <= everybody + len(students), "links are missing or doubled"
    assert scene.active() == active, "somebody has a second account"


def _give_another_id(scene: Scene, old: str, new: str) -> None:
    person = copy.deepcopy(scene.district.people[old])
    sections = scene.district.taught_or_attended(old)
    scene.district.drop(scene.district.people[old])
    person.id = new
    scene.district.put(person)
    for section in sections:
        section.students = sorted(new if each == old else each for each in section.students)
        section.teachers = [new if each == old else each for each in section.teachers]


@accident("Ids that differ only by case are two people.")
def ids_that_differ_by_case(scene: Scene) -> None:
    person = copy.deepcopy(scene.student())
    person.id = person.id.upper() if person.id != person.id.upper() else f"{person.id}A"
    person.last, person.email = "Samecase", None
    student = person.as_student
    student.number, student.sis_id, student.state_id, student.username = "samecase-1", "samecase-1", None, None
    scene.district.put(person)
    active = scene.active()
    scene.accept_all()
    assert len(scene.active()) == len(active) + 1
    assert active <= scene.active()


@accident("Names of every script, emoji and right-to-left marks are kept, and come out of a sync as they went in.")
def names_of_every_script(scene: Scene) -> None:
    names = ["👩🏽‍🚀 Zoë", "مُحَمَّد", "山田 太郎", "Ωμέγα", "<script>alert(1)</script>"]
    wanted = {scene.student(number * 7).id: name for number, name in enumerate(names)}
    for id_, name in wanted.items():
        edits.rename_person(scene.district, id_, last=name)
    scene.accept_all()
    assert {id_: scene.account_of(id_).last_name for id_ in wanted} == wanted
    assert scene.planned(scene.prepare()) <= scene.usual, "a name is planned again and again"
    scene.fits()


@accident("When a school is no longer shared, its people and classes stay until a person releases it.")
def a_school_unshared(scene: Scene) -> None:
    active = scene.active()
    edits.unshare_school(scene.district, scene.district.schools.ids[0])
    sync_id = scene.try_prepare()
    if scene.sync(sync_id).state == "prepared":
        scene.held_back(sync_id)
    assert active <= scene.active(), "somebody was archived"
    edits.share_school(scene.district, next(iter(scene.district.unshared)))
    scene.mends()


@accident("A paused district is said to be paused, and nobody is archived by it.")
def a_paused_district(scene: Scene) -> None:
    edits.set_state(scene.district, "paused")
    sync_id = scene.prepare()
    assert ("district-paused", "", "paused") in scene.warnings(sync_id)
    scene.held_back(sync_id)
    scene.stands()
    scene.mends()


def _rotate(scene: Scene) -> None:
    scene.served.sandbox.access.rotate()


@accident("A token that stops working in the middle fails the sync with a sentence; the good state stands.")
def a_token_refused_in_the_middle(scene: Scene) -> None:
    sync_id = scene.request()
    prepare(scene.engine, sync_id, during(scene.open_provider, 3, lambda: _rotate(scene)), scene.clock)
    row = scene.sync(sync_id)
    assert (row.state, row.error_code) == ("failed", "unauthorized"), row.note
    scene.stands()
    scene.mends()


@accident("A token rotated in the middle is read again by client id and secret, and the sync goes on.")
def a_token_rotated_in_the_middle(scene: Scene) -> None:
    def by_secret(_facts: ConnectionFacts) -> Provider:
        url = scene.served.url
        who: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "login_url": url}
        return open_clever(base_url=url, **who, sleep=lambda _seconds: None, page_size=PAGE)

    sync_id = scene.request()
    prepare(scene.engine, sync_id, during(by_secret, 3, lambda: _rotate(scene)), scene.clock)
    assert scene.sync(sync_id).state == "prepared", scene.sync(sync_id).note
    assert scene.planned(sync_id) <= scene.usual
    scene.stands()


@accident("A section that names somebody unknown is synced without them, with a warning.")
def an_enrolment_of_somebody_unknown(scene: Scene) -> None:
    scene.fault("unknown-members", SECTIONS, times=1)
    sync_id = scene.prepare()
    assert any(code == "unknown-person-in-section" for code, _, _ in scene.warnings(sync_id))
    scene.held_back(sync_id)
    scene.stands()
    scene.mends()


@accident("When half of everybody leaves at once, a guard holds it until a person releases it.")
def half_of_everybody_leaves(scene: Scene) -> None:
    active = scene.active()
    edits.mass_delete(scene.district, 0.5)
    sync_id = scene.try_prepare()
    if scene.sync(sync_id).state == "prepared":
        assert scene.sync(sync_id).held or scene.sync(sync_id).withheld
        scene.held_back(sync_id)
    assert active <= scene.active(), "somebody was archived"


@accident("In a school of one person that person stays, and the last one to leave is not believed to have left.")
def a_school_of_one_person(scene: Scene) -> None:
    everybody = [person.id for person in scene.district.people if person.student or person.teacher]
    theirs = scene.held()
    one = next(id_ for id_ in everybody if id_ in theirs)
    others = [id_ for id_ in everybody if id_ != one]
    edits.leave(scene.district, *others)
    scene.accept_all()
    left = {id_ for id_, account in scene.accounts().items() if not account["archived"] and id_ in {one, *others}}
    assert one in left
    before = scene.dump()
    edits.leave(scene.district, one)
    row = scene.sync(scene.try_prepare())
    assert (row.state, row.error_code) == ("failed", "empty"), row.note
    assert scene.dump() == before


@accident("The SIS is away for a while: requests are repeated, and what stays away fails with a sentence.")
def the_source_is_away(scene: Scene) -> None:
    scene.fault("503", "/v3.1/*", nth=3, times=3)
    assert scene.planned(scene.prepare()) <= scene.usual
    scene.fault("503", SCHOOLS, "")
    scene.fails()
    scene.mends()
