"""Asks a served sandbox as a client would."""

from collections.abc import Iterator
from typing import Any

import requests

from sisportal.sandbox.serving import Served


class Asking:
    """Requests with the district's token."""

    def __init__(self, served: Served) -> None:
        self._served = served

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._served.sandbox.token}"}

    def get(self, address: str) -> requests.Response:
        return requests.get(self._served.url + address, headers=self.headers, timeout=20)

    def json(self, address: str) -> Any:
        reply = self.get(address)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def pages(self, address: str) -> Iterator[dict[str, Any]]:
        """The page and those after it, by their next links."""
        following: str | None = address
        while following:
            page = self.json(following)
            yield page
            following = link(page, "next")

    def ids(self, address: str) -> list[str]:
        """Ids of all rows of all pages."""
        return [row["data"]["id"] for page in self.pages(address) for row in page["data"]]


def link(page: dict[str, Any], rel: str) -> str | None:
    """The address of one of the page's links."""
    return next((link["uri"] for link in page["links"] if link["rel"] == rel), None)
