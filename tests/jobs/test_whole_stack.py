"""`make demo` and `make run`, as they are: every process, from the first start to the end."""

import http.client
import signal
from pathlib import Path

from tests.jobs.launched import running
from tests.services.processes import children


def location(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    answer = connection.getresponse()
    connection.close()
    return answer.status, answer.headers.get("Location", "")


def test_an_empty_portal_leads_to_its_setup_and_leaves_no_process_behind(tmp_path: Path) -> None:
    with running(tmp_path) as (port, printed, launcher):
        status, where = location(port, "/")
        started = children(launcher.pid)
        launcher.send_signal(signal.SIGINT)
        launcher.communicate()

    assert f"SIS Portal is ready: http://127.0.0.1:{port}" in printed
    assert (status // 100, where) == (3, "/setup")
    assert len(started) == 5
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    assert launcher.returncode == 0


def test_the_demonstration_waits_for_review_and_starts_again_where_it_was(tmp_path: Path) -> None:
    with running(tmp_path, "--demo") as (_, first, _launcher):
        pass
    with running(tmp_path, "--demo") as (port, second, launcher):
        status, where = location(port, "/")
        started = children(launcher.pid)

    def sign_in(printed: list[str]) -> list[str]:
        return [line for line in printed if line.startswith("Sign in as admin@example.org")]

    assert len(sign_in(first)) == 1
    assert sign_in(first) == sign_in(second)
    assert (status // 100, where.split("?")[0]) == (3, "/sign-in")
    assert len(started) == 6
