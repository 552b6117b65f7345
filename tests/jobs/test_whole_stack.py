"""`make demo`, as it is: every process, from the first start to the end. For `make run` see the browser's tests."""

import http.client
import time
from pathlib import Path

from sisportal import sample
from sisportal.syncing.sample_district import answers
from tests.jobs.launched import running
from tests.services.processes import children
from tests.services.visiting import Administrator, Processes, await_that

WORKER = "jobs.worker stages"


def location(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    answer = connection.getresponse()
    connection.close()
    return answer.status, answer.headers.get("Location", "")


def until_it_answers(url: str) -> None:
    limit = time.monotonic() + 20
    while not answers(url):
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_the_demonstration_waits_for_review_starts_again_where_it_was_and_outlives_its_processes(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "--demo") as (_, first, _launcher):
        pass
    with running(tmp_path, "--demo") as (port, second, launcher):
        status, where = location(port, "/")
        started = children(launcher.pid)
        until_it_answers(sample.address(tmp_path))
        outlive_kills(tmp_path, port, password_in(second), Processes(launcher.pid))

    assert sign_in_of(first) == sign_in_of(second)
    assert (status // 100, where.split("?")[0]) == (3, "/sign-in")
    assert len(started) == 6


def sign_in_of(printed: list[str]) -> str:
    (line,) = [line for line in printed if line.startswith("Sign in as admin@example.org")]
    return line


def password_in(printed: list[str]) -> str:
    return sign_in_of(printed).rpartition(" ")[2]


def outlive_kills(folder: Path, port: int, password: str, processes: Processes) -> None:
    """Whatever is killed while a sync is committed, prepared and undone, the work ends as it should, and ticks stay."""
    ada = Administrator(port, folder)
    ada.sign_in("admin@example.org", password)
    processes.hold_back(WORKER)

    ((unticked,),) = ada.reads("SELECT id FROM action WHERE type = 'student' ORDER BY id LIMIT 1")
    ada.send(f"/syncs/1/actions/{unticked}/tick", "/syncs/1/actions")
    ada.send("/syncs/1/commit", "/syncs/1/commit")
    with ada.half_way(1, processes.of(WORKER)):
        processes.kill("gunicorn", "jobs.worker mail", "jobs.schedule")
        await_that(lambda: ada.status("/syncs/1") == 200, "the portal does not answer again")
    ada.await_state(1, "committed")
    assert ada.reads("SELECT id FROM action WHERE state <> 'applied'") == [(unticked,)]

    with processes.stopped("sisportal.sandbox"):
        ada.send("/admin/sis/clever/sync", "/admin/sis/clever/status", since="beginning")
        ada.await_state(2, "preparing")
        processes.kill("gunicorn")
        await_that(lambda: ada.status("/syncs/2") == 200, "the portal does not answer again")
    ada.await_state(2, "prepared")
    assert [row[0] for row in ada.reads("SELECT label FROM action WHERE sync_id = 2 AND verb = 'add'")] == [
        row[0] for row in ada.reads(f"SELECT label FROM action WHERE id = {unticked}")
    ]

    ada.send("/syncs/1/undo", "/syncs/1/undo")
    ada.await_state(3, "prepared")
    ada.send("/syncs/3/commit", "/syncs/3/commit")
    with ada.half_way(3, processes.of(WORKER)):
        processes.kill("gunicorn")
        await_that(lambda: ada.status("/syncs/3") == 200, "the portal does not answer again")
    ada.await_state(3, "committed")
    assert ada.reads("SELECT username FROM account WHERE archived_at IS NULL") == [("admin@example.org",)]
