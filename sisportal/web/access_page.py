"""The page docs/access.md: which role may open which address, made from the rules that the views name."""

import re
from collections.abc import Iterator

from flask import Flask

from sisportal.web.access import Rule, rule_of

ROLES = (
    "administrator",
    "viewer",
    "viewer of one organization",
    "organization administrator",
    "teacher",
    "student",
    "nobody",
)
"""Columns of the page. The third is a viewer who belongs to an organization, while organizations are partitioned."""
YES, PART, REFUSED, HIDDEN, LED = "yes", "own part", "403", "404", "sign-in"
_SIGNED_IN = (YES,) * 6
CELLS: dict[Rule, tuple[str, ...]] = {
    Rule.EVERYBODY: (*_SIGNED_IN, YES),
    Rule.SIGNED_IN: (*_SIGNED_IN, LED),
    Rule.READ: (YES, YES, HIDDEN, HIDDEN, HIDDEN, HIDDEN, LED),
    Rule.WRITE: (YES, REFUSED, HIDDEN, HIDDEN, HIDDEN, HIDDEN, LED),
    Rule.LOOK: (YES, YES, PART, PART, HIDDEN, HIDDEN, LED),
    Rule.MANAGE: (YES, REFUSED, REFUSED, PART, HIDDEN, HIDDEN, LED),
}
"""What each rule means for each role, in words of this page."""

_CONVERTER = re.compile(r"<[^<>:]+:")
_INTRODUCTION = """\
# Who may open what

Every address of the portal, and what each role gets there. Made from the rules in the code by `tools/access-page`; a test opens
every address as every role and holds the answers to this page, so that neither can change without the other.

| word | meaning |
|---|---|
| yes | let in; of a person's own pages, only their own: other people's notifications, classes and sessions are *not found* |
| own part | let in, and sees and changes only their own organization and those below it; anything else is *not found* or refused |
| 403 | told that it needs other permissions |
| 404 | answered as if there were no such page |
| sign-in | led to the sign-in page, and back after it |

A viewer who belongs to an organization is bound to it while organizations are partitioned. Without a partition that viewer is like any other.
What *nobody* may open decides by itself: a link to choose a password by its secret, the set-up by its one-time code.
"""


def as_page(app: Flask) -> str:
    """The whole page. Raises ``KeyError`` for a rule without cells, ``ValueError`` for a route without a rule."""
    rows = [
        f"| `{method} {path}` | {' | '.join(CELLS[rule])} |"
        for method, path, rule in sorted(_routes(app), key=lambda row: (row[1], row[0]))
    ]
    heading = f"| address | {' | '.join(ROLES)} |"
    return "\n".join([_INTRODUCTION, heading, "|---" * (len(ROLES) + 1) + "|", *rows, ""])


def _routes(app: Flask) -> Iterator[tuple[str, str, Rule]]:
    """(method, path, rule) of every view; the static files are everybody's and have none."""
    for route in app.url_map.iter_rules():
        if route.endpoint == "static":
            continue
        rule = rule_of(app.view_functions[route.endpoint])
        if rule is None:
            raise ValueError(f"{route.rule} has no access rule")
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}:
            yield method, _CONVERTER.sub("<", route.rule), rule
