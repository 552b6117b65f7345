"""The report: planned and applied numbers, what was proven, and Commit, Discard and Cancel."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from sisportal.extensions import db
from sisportal.models import Account, Sync, SyncState
from sisportal.models.database import writing
from tests.fakes import FakeQueue
from tests.syncing.plans import NOW, action, ids_of, make_connection, make_sync, warn
from tests.web.watching import queries, words

HTMX = {"HX-Request": "true"}


@pytest.fixture
def engine(app: Flask) -> Engine:
    with app.app_context():
        make_connection(db.engine)
        return db.engine


def state_of(engine: Engine, sync_id: int) -> str:
    with engine.connect() as connection:
        return str(connection.scalars(select(Sync.state).where(Sync.id == sync_id)).one())


def test_before_the_commit_the_report_counts_what_is_planned_and_ticked(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(
        engine,
        1,
        [
            action("A"),
            action("B", ticked=False),
            action("C", verb="reactivate"),
            action("D", verb="delete", held="guard-deletes"),
            action("E", type="section", verb="edit"),
        ],
        held=[{"type": "student", "scope": "", "reason": "guard-deletes", "count": 1}],
        left_out={"teacher": {"delete": 3}},
        withheld=[{"type": "section", "reason": "the list of sections is empty"}],
    )
    warn(engine, sync_id, None)

    answer = ada.get(f"/syncs/{sync_id}")
    text = words(answer)

    assert "Students 2 1 ticked, 1 not 1 reactivated all ticked 0 1 all ticked 1 held 1" in text
    assert "Sections 0 1 all ticked 0 0" in text
    assert "1 student : Unusually many would be archived at once." in text
    assert f'<a href="/syncs/{sync_id}/actions?type=student&amp;verb=delete&amp;held=yes">1 student</a>' in answer.text
    assert "The options leave out 3 teachers to delete." in text
    assert "Sections: the list of sections is empty" in text
    for query in (
        "type=student&amp;verb=add",
        "type=student&amp;verb=delete&amp;held=yes",
        "verb=add&amp;unticked=yes",
    ):
        assert query in answer.text
    assert f"/admin/sis/clever/log?sync={sync_id}&amp;type=student" in answer.text


def test_after_the_commit_the_report_counts_what_was_applied(ada: FlaskClient, engine: Engine) -> None:
    counts = {"student": {"add": {"planned": 5, "applied": 3, "conflict": 1, "unticked": 1}}}
    unticked = action("B", ticked=False, state="unticked")
    sync_id = make_sync(
        engine, 1, [unticked], state="partly-committed", counts=counts, note="1 not applied.", committed_by=1
    )

    answer = ada.get(f"/syncs/{sync_id}")

    assert "Students 3 1 conflict 1 unticked" in words(answer)
    assert "committed by Ada Abara" in words(answer)
    assert "verb=add&amp;state=applied" in answer.text
    assert "verb=add&amp;state=conflict" in answer.text


def test_what_was_read_is_told_in_words(ada: FlaskClient, engine: Engine) -> None:
    seals = [
        {
            "collection": "people",
            "complete": True,
            "reason": "",
            "pages": 3,
            "rows": 1204,
            "distinct": 1204,
            "claimed": 1204,
        },
        {
            "collection": "sections",
            "complete": False,
            "reason": "A page came twice.",
            "pages": 2,
            "rows": 9,
            "distinct": 8,
        },
    ]
    text = words(ada.get(f"/syncs/{make_sync(engine, 1, completeness=seals)}"))

    assert "Complete We saw 1,204 of 1,204 people in 3 pages." in text
    assert (
        "Not proven We saw 8 sections in 2 pages: A page came twice. No class that is missing from it is archived."
        in text
    )


def test_a_commit_asks_with_numbers_and_is_sent_once(ada: FlaskClient, engine: Engine, queue: FakeQueue) -> None:
    sync_id = make_sync(engine, 1, [action("A"), action("B"), action("C", ticked=False), action("D", type="section")])

    for page in (f"/syncs/{sync_id}", f"/syncs/{sync_id}/commit"):
        assert "Students: 2 added. Sections: 1 added. 1 action is unticked and not applied." in words(ada.get(page))
    first = ada.post(f"/syncs/{sync_id}/commit", follow_redirects=True)

    assert queue.sent == [("commit", sync_id)]
    assert "Waiting for the worker to begin the commit" in words(first)
    assert "Commit sync" not in words(first)
    with engine.connect() as connection:
        assert connection.scalars(select(Sync.committed_by)).all() == [1]


def test_the_commit_says_how_many_are_added_edited_and_archived(ada: FlaskClient, engine: Engine) -> None:
    verbs = ("add", "add", "reactivate", "edit", "delete")
    actions = [action(f"{verb} {number}", verb=verb) for number, verb in enumerate(verbs)]
    sync_id = make_sync(engine, 1, [*actions, action("S", type="section", verb="edit")])

    text = words(ada.get(f"/syncs/{sync_id}/commit"))

    assert "Students: 2 added, 1 brought back, 1 edited, 1 archived. Sections: 1 edited." in text
    assert "Nothing is deleted for good: who and what is archived keeps everything and can come back." in text
    only_adds = words(ada.get(f"/syncs/{make_sync(engine, 1, [action('A')])}/commit"))
    assert "Nothing is deleted for good." in only_adds


def test_a_queue_that_is_away_is_stated(ada: FlaskClient, engine: Engine, queue: FakeQueue) -> None:
    queue.away = True
    sync_id = make_sync(engine, 1, [action()])

    answer = ada.post(f"/syncs/{sync_id}/commit", follow_redirects=True)

    assert "The queue does not answer just now." in words(answer)


@pytest.mark.parametrize("state", ["committed", "discarded", "superseded", "failed"])
def test_what_is_settled_cannot_be_committed_or_discarded(
    ada: FlaskClient, engine: Engine, queue: FakeQueue, state: str
) -> None:
    sync_id = make_sync(engine, 1, [action()], state=state)
    page = words(ada.get(f"/syncs/{sync_id}"))
    assert ("Commit sync" in page, "Discard this plan?" in page) == (False, False)

    committed = ada.post(f"/syncs/{sync_id}/commit", follow_redirects=True)
    discarded = ada.post(f"/syncs/{sync_id}/discard", follow_redirects=True)

    assert f"Sync {sync_id} is {state} and cannot be committed." in words(committed)
    assert "Only a sync that is prepared and not committed can be discarded." in words(discarded)
    assert (queue.sent, state_of(engine, sync_id)) == ([], state)


def test_a_plan_of_more_than_seven_days_ago_has_to_be_prepared_again(
    ada: FlaskClient, engine: Engine, queue: FakeQueue
) -> None:
    sync_id = make_sync(engine, 1, [action()], prepared_at=NOW - timedelta(days=8))
    text = words(ada.get(f"/syncs/{sync_id}"))
    assert ("Prepare again" in text, "Commit sync" in text) == (True, False)

    answer = ada.post(f"/syncs/{sync_id}/commit", follow_redirects=True)

    assert "This sync was prepared more than 7 days ago. Prepare again." in words(answer)
    assert (queue.sent, state_of(engine, sync_id)) == ([], "expired")


def test_a_discarded_plan_says_who_discarded_it(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1, [action()])

    answer = ada.post(f"/syncs/{sync_id}/discard", follow_redirects=True)

    assert ("The plan is discarded." in words(answer), "Discarded by ada@example.org." in words(answer)) == (True, True)


def test_an_empty_plan_does_not_claim_that_all_is_as_the_sis_says_where_something_is_kept_from_it(
    ada: FlaskClient, engine: Engine
) -> None:
    kept_back = {"student": {"delete": 2}}
    sync_id = make_sync(engine, 1, kept_back=kept_back, left_out={"teacher": {"delete": 3}})

    text = words(ada.get(f"/syncs/{sync_id}"))

    assert (
        "Nothing to commit Apart from what was undone before and what the options leave out, the portal holds" in text
    )
    assert "Nothing has changed" not in text


def test_an_empty_plan_and_one_that_is_all_unticked_say_so(ada: FlaskClient, engine: Engine) -> None:
    empty = words(ada.get(f"/syncs/{make_sync(engine, 1)}"))
    nothing = words(ada.get(f"/syncs/{make_sync(engine, 1, [action(ticked=False)])}"))

    assert ("Nothing has changed" in empty, "Commit sync" in empty) == (True, False)
    assert ("Nothing would be committed" in nothing, "Commit sync" in nothing) == (True, False)
    held = words(ada.get(f"/syncs/{make_sync(engine, 1, [action(held='changed-on-both')])}"))
    assert "Every action is unticked. Tick what should be applied" in nothing
    assert "Every action is held: decide what becomes of it below, or discard the plan." in held


def test_progress_polls_while_it_runs_and_then_lets_the_page_load_anew(ada: FlaskClient, engine: Engine) -> None:
    runs = make_sync(
        engine, 1, state="preparing", heartbeat_at=NOW, stage="Reading sections", stage_started_at=NOW, done=5, total=9
    )
    settled = make_sync(engine, 1)

    while_running = ada.get(f"/syncs/{runs}/progress", headers=HTMX)
    after = ada.get(f"/syncs/{settled}/progress", headers=HTMX)

    assert "Reading sections 5 of 9" in words(while_running)
    assert ("hx-trigger" in while_running.text, "HX-Refresh" in while_running.headers) == (True, False)
    assert ("hx-trigger" in after.text, after.headers["HX-Refresh"]) == (False, "true")


def test_a_commit_that_died_is_watched_until_it_goes_on_and_the_page_then_loads_anew(
    ada: FlaskClient, engine: Engine
) -> None:
    dead = make_sync(engine, 1, state=SyncState.COMMITTING, heartbeat_at=NOW - timedelta(minutes=1))
    goes_on = make_sync(engine, 1, state=SyncState.COMMITTING, heartbeat_at=NOW)

    still_dead = ada.get(f"/syncs/{dead}/progress?silent=yes", headers=HTMX)
    begun_again = ada.get(f"/syncs/{goes_on}/progress?silent=yes", headers=HTMX)

    assert f'hx-get="/syncs/{dead}/progress?silent=yes"' in still_dead.text
    assert ("HX-Refresh" in still_dead.headers, begun_again.headers["HX-Refresh"]) == (False, "true")


def test_cancel_leads_back_to_where_it_was_asked(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1, state="queued")

    answer = ada.post(
        f"/syncs/{sync_id}/cancel",
        headers={"Referer": "http://localhost/admin/sis/clever/status"},
        follow_redirects=True,
    )

    assert (answer.request.path, state_of(engine, sync_id)) == ("/admin/sis/clever/status", "cancelled")
    assert (
        ada.post(f"/syncs/{sync_id}/cancel", headers={"Referer": "http://evil.example/"}).location
        == f"/syncs/{sync_id}"
    )


def test_a_viewer_reads_the_report_and_changes_nothing(ben: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1, [action()])
    page = ben.get(f"/syncs/{sync_id}")

    assert ("Students 1" in words(page), "<dialog" in page.text, "/commit" in page.text) == (True, False, False)
    assert [ben.post(f"/syncs/{sync_id}/{what}").status_code for what in ("commit", "discard", "cancel")] == [403] * 3
    assert ben.get(f"/syncs/{sync_id}/commit").status_code == 403


def test_a_commit_that_died_is_continued(ada: FlaskClient, engine: Engine, queue: FakeQueue) -> None:
    sync_id = make_sync(engine, 1, [action()], state=SyncState.COMMITTING, heartbeat_at=NOW - timedelta(minutes=1))
    assert "Continue the commit" in words(ada.get(f"/syncs/{sync_id}"))

    ada.post(f"/syncs/{sync_id}/commit")

    assert queue.sent == [("commit", sync_id)]


def test_the_report_takes_the_same_queries_for_one_action_and_fifty(
    app: Flask, ada: FlaskClient, engine: Engine
) -> None:
    def taken(number: int) -> int:
        sync_id = make_sync(engine, 1, [action(f"S{each}", ticked=False, held="guard-adds") for each in range(number)])
        for id_ in ids_of(engine, sync_id):
            warn(engine, sync_id, id_)
        with queries(app) as statements:
            ada.get(f"/syncs/{sync_id}")
        return len(statements)

    one, fifty = taken(1), taken(50)

    assert (one == fifty, fifty <= 12) == (True, True), (one, fifty)


def test_a_plan_is_prepared_again_with_its_ticks(ada: FlaskClient, engine: Engine, queue: FakeQueue) -> None:
    sync_id = make_sync(engine, 1, [action("A", ticked=False)])

    assert "Prepare again, keep my ticks" in words(ada.get(f"/syncs/{sync_id}"))
    answer = ada.post(f"/syncs/{sync_id}/again")

    assert answer.headers["Location"] == "/admin/sis/clever/status"
    with engine.connect() as connection:
        newer = connection.execute(select(Sync.id, Sync.request).order_by(Sync.id.desc()).limit(1)).one()
    assert queue.sent == [("prepare", newer.id)]
    assert newer.request["keep_ticks_of"] == sync_id


def test_the_report_says_why_a_plan_is_stale_and_offers_to_prepare_again(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1, [action("A")])
    make_sync(engine, 1, prepared_at=NOW + timedelta(minutes=1))

    text = words(ada.get(f"/syncs/{sync_id}"))

    assert "A newer sync was prepared since this one was: sync 2. Prepare again: what you unticked and decided" in text
    assert "Prepare again, keep my ticks" in text
    assert "Commit" not in text.partition("This plan can no longer be committed")[0]


def test_the_report_tells_what_of_an_older_plan_was_kept_and_what_was_not(ada: FlaskClient, engine: Engine) -> None:
    lost = [{"label": "Abara, Mia", "why": "planned-otherwise"}, {"label": "Berg, Bo", "why": "not-planned"}]
    carried = {"older": 7, "unticked": 3, "places": 1, "chosen": 2, "released": True, "lost": 3, "examples": lost}
    nothing = dict.fromkeys(("unticked", "places", "chosen", "lost"), 0) | {
        "older": 6,
        "released": False,
        "examples": [],
    }
    held = [{"type": "student", "scope": "", "reason": "guard-deletes", "sentence": "", "count": 1}]
    deleted = action("C", verb="delete", held="guard-deletes")
    sync_id = make_sync(engine, 1, [action("A"), deleted], held=held, request={"carried": [carried, nothing]})

    text = words(ada.get(f"/syncs/{sync_id}"))

    assert "Decisions of sync 7 Kept: 3 unticked actions, 1 unticked place in rosters, 2 chosen values." in text
    assert "What the guards held and somebody released there is held again: a release is for one plan only." in text
    assert "Not kept: 3 decisions Abara, Mia is planned otherwise now: look at it again." in text
    assert "Berg, Bo is not planned any more. and 1 more." in text
    assert "Decisions of sync 6" not in text


def test_the_report_names_records_that_were_edited_after_the_plan(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, 1, [action("Abara, Ada", verb="edit", target_id=1)])
    assert "Records were edited" not in words(ada.get(f"/syncs/{sync_id}"))
    with writing(engine).begin() as connection:
        edited = update(Account).where(Account.id == 1)
        connection.execute(edited.values(edited_at=NOW + timedelta(minutes=1)))

    text = words(ada.get(f"/syncs/{sync_id}"))

    assert "Records were edited in the portal after this plan was made" in text
    assert "to plan from what is there now: Abara, Ada" in text


def test_refused_rows_of_a_file_are_listed_with_their_place_and_reason(ada: FlaskClient, engine: Engine) -> None:
    sync_id = make_sync(engine, make_connection(engine, kind="csv"), [action()])
    for number in range(25):
        warn(engine, sync_id, None, "missing-id", file="users.csv", line=2 + number, column="sourcedId", type="student")

    page = ada.get(f"/syncs/{sync_id}")

    text = words(page)
    assert "25 rows of the file were not taken" in text
    assert "users.csv 2 sourcedId" in text
    assert ["users.csv 21 sourcedId" in text, "users.csv 22 sourcedId" in text] == [True, False]
    assert f"/admin/sis/csv/log.csv?sync={sync_id}&amp;severity=error&amp;rows=yes" in page.text
