"""The sandbox's page, its control API, and the file that remembers."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from sisportal.sandbox.memory import Origin, OtherDistrictError, keeper, recall
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import Served
from tests.sandbox.asking import Asking


@pytest.fixture
def ask(sandbox: Served) -> Asking:
    return Asking(sandbox)


def post(sandbox: Served, address: str, body: dict[str, Any]) -> requests.Response:
    return requests.post(f"{sandbox.url}/sandbox/{address}", json=body, timeout=20)


def test_the_page_says_that_it_is_a_double_and_runs_no_script(sandbox: Served) -> None:
    reply = requests.get(sandbox.url + "/", timeout=20)
    assert "not affiliated with Clever" in reply.text
    assert sandbox.sandbox.district.name in reply.text
    assert "<script" not in reply.text
    assert "style=" not in reply.text
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert requests.get(sandbox.url + "/sandbox.css", timeout=20).headers["Content-Type"].startswith("text/css")


def test_the_button_lets_a_day_pass_and_leads_back_to_the_page(sandbox: Served) -> None:
    form = {"do": "pass-day", "days": "2"}
    reply = requests.post(f"{sandbox.url}/sandbox/do", data=form, allow_redirects=False, timeout=20)
    assert (reply.status_code, reply.headers["Location"]) == (303, "/")
    assert sandbox.sandbox.district.day == 2


def test_a_fault_is_switched_on_and_off_over_http(sandbox: Served, ask: Asking) -> None:
    assert post(sandbox, "faults", {"name": "503", "path": "/v3.1/users", "times": 1}).status_code == 200
    assert [ask.get("/v3.1/users").status_code for _ in range(2)] == [503, 200]
    form = {"name": "empty-list", "path": "/v3*", "where": "", "times": "", "rows": "1", "nth": "1", "seconds": "30"}
    assert requests.post(f"{sandbox.url}/sandbox/faults", data=form, timeout=20).status_code == 200
    assert ask.json("/v3.1/users")["data"] == []
    assert [f["name"] for f in requests.get(sandbox.url + "/sandbox/faults", timeout=20).json()] == [
        "503",
        "empty-list",
    ]
    assert post(sandbox, "faults/clear", {}).status_code == 200
    assert ask.json("/v3.1/users")["data"] != []


def test_an_operation_answers_with_the_differences_that_it_made(sandbox: Served) -> None:
    section = sandbox.sandbox.district.sections.ids[0]
    reply = post(sandbox, "do", {"do": "rename-section", "id": section, "name": "Basket weaving"}).json()
    assert reply["differences"]["sections"] == {"created": [], "updated": {section: ["name"]}, "deleted": []}


def test_what_cannot_be_done_is_refused_with_the_reason(sandbox: Served) -> None:
    for body in (
        {"do": "nothing"},
        {"do": "leave", "ids": ["x"]},
        {"do": "pass-day", "days": "many"},
        {"do": "pass-day", "days": 0},
        {},
    ):
        assert post(sandbox, "do", body).status_code == 422
    assert post(sandbox, "faults", {"name": "no-such-fault"}).status_code == 422
    assert post(sandbox, "elsewhere", {}).status_code == 404


def test_the_summary_tells_numbers_and_keys(sandbox: Served) -> None:
    summary = requests.get(sandbox.url + "/sandbox", timeout=20).json()
    assert summary["numbers"]["students"] == 60
    assert summary["token"] == sandbox.sandbox.token
    assert summary["client_id"] == "sandbox-client"


def test_requests_to_the_provider_are_remembered(sandbox: Served, ask: Asking) -> None:
    ask.get("/v3.1/users?limit=5")
    assert requests.get(sandbox.url + "/sandbox/calls", timeout=20).json() == ["GET /v3.1/users?limit=5"]
    post(sandbox, "calls/clear", {})
    assert list(sandbox.sandbox.calls) == []


OPERATIONS: list[dict[str, Any]] = [
    {"do": "pass-day", "days": 3},
    {"do": "mass-delete", "share": 0.2},
    {"do": "pass-day"},
    {"do": "come-back"},
    {"do": "recreate-terms"},
    {"do": "recreate-courses"},
    {"do": "set-state", "state": "paused", "error": "holiday"},
    {"do": "rotate-token"},
]


def test_a_restart_repeats_everything_that_was_done(sandbox: Served, tmp_path: Path) -> None:
    path, origin = tmp_path / "state.json", Origin(60, 1, None, sandbox.sandbox.district.today)
    sandbox.sandbox.keep = keeper(path, recall(path, origin))
    for body in OPERATIONS:
        assert post(sandbox, "do", body).status_code == 200
    memory = recall(path, origin)
    again = create_sandbox(memory.origin.district())
    memory.repeat(again)
    assert again.district == sandbox.sandbox.district
    assert again.token == sandbox.sandbox.token


def test_a_file_that_remembers_another_district_is_refused(sandbox: Served, tmp_path: Path) -> None:
    path, today = tmp_path / "state.json", sandbox.sandbox.district.today
    sandbox.sandbox.keep = keeper(path, recall(path, Origin(60, 1, None, today)))
    post(sandbox, "do", {"do": "pass-day"})
    with pytest.raises(OtherDistrictError):
        recall(path, Origin(61, 1, None, today))


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sisportal.sandbox",
        "--port",
        "0",
        "--students",
        "20",
        "--state",
        str(tmp_path / "s"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline().strip() for _ in range(3)]
        url, token = lines[1], lines[2].removeprefix("token ")
        reply = requests.get(f"{url}/v3.1/users?role=student", headers={"Authorization": f"Bearer {token}"}, timeout=20)
        assert len(reply.json()["data"]) == 20
        requests.post(f"{url}/sandbox/do", json={"do": "pass-day"}, timeout=20)
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0
    assert "pass-day" in (tmp_path / "s").read_text()
