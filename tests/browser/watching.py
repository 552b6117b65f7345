"""What must never happen in a browser, on any page: complaints, other hosts, failures, pages that some cannot use."""

import re

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError

_AXE = "options => axe.run(document, {resultTypes: ['violations'], ...options}).then(found => found.violations)"
_HARMLESS = (
    "status of 422",  # a refused form
    "popovertarget is ignored on elements with commandfor",  # which older browsers need
)


class Watch:
    """Notes everything that goes wrong in a context, whichever page shows it."""

    def __init__(self, context: BrowserContext, portal: str) -> None:
        self._portal = portal
        self.complaints: list[str] = []
        context.on("console", self._hear)
        context.on("weberror", self._fail)
        context.on("request", self._ask)
        context.on("response", self._receive)

    def _hear(self, message: ConsoleMessage) -> None:
        """Errors and warnings: what the policy stops is one."""
        if message.type in {"error", "warning"} and not any(words in message.text for words in _HARMLESS):
            self.complaints.append(f"console: {message.text}")

    def _fail(self, error: WebError) -> None:
        self.complaints.append(f"script: {error.error}")

    def _ask(self, request: Request) -> None:
        if not request.url.startswith((self._portal, "data:")):
            self.complaints.append(f"another host: {request.url}")

    def _receive(self, response: Response) -> None:
        if response.status in {400, 403, 404, 405} or response.status >= 500:
            self.complaints.append(f"{response.status}: {response.url}")


def unusable(page: Page, *rules: str) -> list[str]:
    """What axe finds wrong with the page as it is now, by all of its rules or by some; and whether it is too wide."""
    if page.evaluate("typeof axe === 'undefined'"):  # the same document may be looked at several times
        page.evaluate(AXE_SCRIPT)
    violations = page.evaluate(_AXE, {"runOnly": list(rules)} if rules else {})
    found = [f"{rule['id']}: {', '.join(map(_place, rule['nodes']))}" for rule in violations]
    width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return [*found, f"{width} pixels wide in {window}"] if width > window else found


def _place(node: dict[str, list[str]]) -> str:
    return " ".join(node["target"])


def number(text: str | None) -> int:
    """The first number of a text: 1,204 students."""
    found = re.search(r"\d[\d,]*", text or "")
    assert found, f"no number in {text!r}"
    return int(found[0].replace(",", ""))
