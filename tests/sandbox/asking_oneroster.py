"""Asks a sandbox's OneRoster in this process, by its fixed bearer unless told otherwise."""

from typing import Any
from urllib.parse import quote

from werkzeug.test import Client, TestResponse

from sisportal.sandbox.service import Sandbox

ROOTS = {"1.1": "/ims/oneroster/v1p1", "1.2": "/ims/oneroster/rostering/v1p2"}


def content(reply: TestResponse) -> Any:
    """What a reply in JSON says."""
    return reply.json


class AskingOneRoster:
    """Requests for OneRoster's lists and objects."""

    def __init__(self, sandbox: Sandbox, version: str = "1.1") -> None:
        self.sandbox = sandbox
        self.version = version
        self._client = Client(sandbox)

    def get(self, path: str, authorization: str | None = None, **query: Any) -> TestResponse:
        """A request below the service's root; ``path`` as it goes over the wire."""
        root = self.sandbox.oneroster.profile.root(self.version)
        asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        given = f"Bearer {self.sandbox.oneroster.access.bearer}" if authorization is None else authorization
        return self._client.get(
            f"{root}{path}?{asked}" if asked else f"{root}{path}",
            "http://sis.test",
            headers={"Authorization": given} if given else {},
        )

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The rows of a list, at most 1,000, whatever key they stand under."""
        reply = self.get(path, **({"limit": 1000} | query))
        assert reply.status_code == 200, reply.text
        body = content(reply)
        rows: list[dict[str, Any]] = next(iter(body.values())) if isinstance(body, dict) else body
        return rows

    def ids(self, path: str, **query: Any) -> list[str]:
        return [row["sourcedId"] for row in self.rows(path, **query)]

    def one(self, path: str, **query: Any) -> dict[str, Any]:
        """A single object."""
        reply = self.get(path, **query)
        assert reply.status_code == 200, reply.text
        body: dict[str, Any] = content(reply)
        return next(iter(body.values()))

    def refused(self, path: str, **query: Any) -> tuple[int, str]:
        """Status and minor code of a refusal in the specification's shape."""
        reply = self.get(path, **query)
        fields = content(reply)["imsx_CodeMinor"]["imsx_codeMinorField"]
        return reply.status_code, fields[0]["imsx_codeMinorFieldValue"]
