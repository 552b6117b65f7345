"""Requests: what is retried, what is waited out, what is refused."""

import pytest
import requests

from sisportal.providers.base import ProviderError
from sisportal.providers.http import BoundedSession
from sisportal.providers.opening import open_clever
from sisportal.sandbox.faults import Fault
from sisportal.sandbox.serving import Served
from tests.providers.canned import Answer, Canned, json_answer, opened

SCHOOLS = "/v3.1/schools?limit=1000"


def failing(session: Canned) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        opened(session).schools()
    return failed.value


def test_a_request_is_made_six_times_and_then_given_up() -> None:
    session = Canned()
    session.scripted[SCHOOLS] = [Answer(b"", 503)] * 20
    assert failing(session).code == "server-error"
    assert session.asked.count(SCHOOLS) == 6


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 501])
def test_a_refusal_is_not_repeated(status: int) -> None:
    session = Canned()
    session.scripted[SCHOOLS] = [json_answer({"message": "No."}, status)] * 20
    fault = failing(session)
    assert (fault.status, fault.permanent, fault.message.endswith("It said: No.")) == (status, True, True)
    assert session.asked.count(SCHOOLS) == 1


@pytest.mark.parametrize(
    ("fault", "code", "times"),
    [
        (requests.ConnectionError(), "unreachable", 6),
        (requests.Timeout(), "unreachable", 6),
        (requests.exceptions.ChunkedEncodingError(), "unreachable", 6),
        (requests.exceptions.SSLError(), "unreachable", 1),
        (requests.exceptions.InvalidURL(), "wrong-url", 1),
    ],
)
def test_connections_that_fail_are_retried_where_that_may_help(fault: Exception, code: str, times: int) -> None:
    session = Canned()
    session.scripted[SCHOOLS] = [fault] * 20
    assert failing(session).code == code
    assert session.asked.count(SCHOOLS) == times


def test_an_exhausted_rate_limit_is_waited_out_before_the_next_request() -> None:
    session = Canned()
    session.scripted["/v3.1/schools"] = [json_answer({"count": 0}, X_Ratelimit_Remaining="0", X_Ratelimit_Reset="1042")]
    waits: list[float] = []
    opened(session, sleep=waits.append).schools()
    assert waits[0] == 42.0


def test_redirects_are_not_followed() -> None:
    session = Canned()
    session.scripted[SCHOOLS] = [Answer(b"", 302, {"Location": "https://elsewhere.test/?secret=1"})]
    fault = failing(session)
    assert fault.code == "redirected"
    assert "https://elsewhere.test/" in fault.message
    assert "secret" not in fault.message


@pytest.mark.parametrize("uri", ["https://elsewhere.test/v3.1/users?limit=1", "/v3.0/schools?limit=1", "/v3.1/schools"])
def test_the_token_never_follows_a_link_to_another_list(uri: str) -> None:
    session = Canned()
    links = [{"rel": "next", "uri": uri}]
    session.scripted[SCHOOLS] = [json_answer({"data": [{"data": {"id": "a"}}], "links": links})]
    assert failing(session).code == "foreign-link"
    assert len(session.asked) == 2


def test_a_body_without_bounds_is_not_read(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sisportal.providers.http.LARGEST_BODY", 1_000_000)
    served.sandbox.faults.add(Fault(name="huge-string", path="/v3.1/schools"))
    with pytest.raises(ProviderError) as failed:
        open_clever(base_url=served.url, token=served.sandbox.token).schools()
    assert (failed.value.code, failed.value.permanent) == ("too-large", True)


def test_passwords_of_a_netrc_file_are_not_sent(
    served: Served, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", f"{tmp_path}/netrc")
    with open(f"{tmp_path}/netrc", "w") as file:  # noqa: PTH123  # a plain file for another library to find
        file.write("machine 127.0.0.1 login someone password something\n")
    answer = BoundedSession().get(
        f"{served.url}/v3.1/districts",
        headers={"Authorization": f"Bearer {served.sandbox.token}"},
        timeout=(5, 5),
        allow_redirects=False,
    )
    assert answer.status_code == 200
