"""The pages whose time is measured: every page of the portal, with the filters and searches that make it work."""

from typing import NamedTuple


class Visit(NamedTuple):
    """A page, and its address with the names of what it is filled with in braces."""

    what: str
    address: str


SIS = "/admin/sis/clever"
MIRRORED = ("teachers", "students", "sections")

VISITS = (
    Visit("home", "/"),
    Visit("notifications", "/notifications"),
    Visit("bell", "/notifications/bell"),
    Visit("integrations", "/admin/sis"),
    Visit("connection", f"{SIS}/connect"),
    Visit("configure", f"{SIS}/configure"),
    Visit("choice of the school", f"{SIS}/configure/school"),
    Visit("map of the schools", f"{SIS}/configure/mapping"),
    Visit("status", f"{SIS}/status"),
    Visit("overview", f"{SIS}/overview"),
    Visit("worksheet", "/syncs/{plan}/worksheet"),
    Visit("pinned fields", f"{SIS}/pins"),
    Visit("history", f"{SIS}/history"),
    Visit("log", f"{SIS}/log"),
    Visit("log, one severity", f"{SIS}/log?severity=warning"),
    Visit("schools", f"{SIS}/schools"),
    Visit("school", f"{SIS}/schools/{{school}}"),
    *(Visit(f"SIS {name}", f"{SIS}/{name}") for name in MIRRORED),
    *(Visit(f"SIS {name}, one school", f"{SIS}/{name}?school={{school}}") for name in MIRRORED),
    *(Visit(f"SIS {name}, changed", f"{SIS}/{name}?state=changed") for name in MIRRORED),
    *(Visit(f"SIS {name}, unmatched", f"{SIS}/{name}?state=unmatched") for name in MIRRORED),
    *(Visit(f"SIS {name}, search", f"{SIS}/{name}?q={{word}}") for name in MIRRORED),
    Visit("SIS students, last page", f"{SIS}/students?page=1000000"),
    Visit("SIS students, downwards", f"{SIS}/students?sort=-name"),
    Visit("SIS students, search that finds many", f"{SIS}/students?q=a"),
    Visit("SIS students, search that finds nobody", f"{SIS}/students?q=qqqqqq"),
    Visit("SIS student", f"{SIS}/students/{{student}}"),
    Visit("SIS teacher", f"{SIS}/teachers/{{teacher}}"),
    Visit("SIS section", f"{SIS}/sections/{{section}}"),
    Visit("accounts", "/accounts"),
    Visit("accounts, last page", "/accounts?page=1000000"),
    Visit("accounts, students", "/accounts?role=student"),
    Visit("accounts, archived", "/accounts?state=archived"),
    Visit("accounts, search", "/accounts?q={word}"),
    Visit("accounts, search that finds many", "/accounts?q=a"),
    Visit("accounts, search that finds nobody", "/accounts?q=qqqqqq"),
    Visit("account", "/accounts/{account}"),
    Visit("classes", "/classes"),
    Visit("classes, parents", "/classes?kind=parent"),
    Visit("classes, search", "/classes?q=math"),
    Visit("class", "/classes/{class_}"),
    Visit("organizations", "/organizations"),
    Visit("organizations, tree", "/organizations?view=tree"),
    Visit("organization", "/organizations/{organization}"),
    Visit("organization's users", "/organizations/{organization}/users"),
    Visit("organization's users, changed", "/organizations/{organization}/users?changed=last"),
    Visit("organization's users, search", "/organizations/{organization}/users?q={word}"),
    Visit("organization's classes", "/organizations/{organization}/classes"),
    Visit("form of a new organization", "/organizations/new"),
    Visit("form of an organization", "/organizations/{organization}/edit"),
    Visit("form of an administrator", "/organizations/{organization}/administrators/new"),
    Visit("options of organizations", "/organizations/options"),
    Visit("front page", "/o/bench"),
    Visit("App center", "/admin/apps"),
    Visit("my account", "/my-account"),
    Visit("audit log", "/audit"),
    Visit("report of the first sync", "/syncs/{first}"),
    Visit("report to review", "/syncs/{plan}"),
    Visit("progress", "/syncs/{plan}/progress"),
    Visit("decisions", "/syncs/{plan}/decide"),
    Visit("commit dialog", "/syncs/{plan}/commit"),
    Visit("actions", "/syncs/{plan}/actions"),
    Visit("actions, last page", "/syncs/{plan}/actions?page=1000000"),
    Visit("actions, one kind", "/syncs/{plan}/actions?type=student&verb=edit"),
    Visit("actions, one school", "/syncs/{plan}/actions?school={school}"),
    Visit("actions, search", "/syncs/{plan}/actions?q={word}"),
    Visit("actions, search that finds many", "/syncs/{plan}/actions?q=a"),
    Visit("actions, search that finds nobody", "/syncs/{plan}/actions?q=qqqqqq"),
    Visit("actions, unticked", "/syncs/{plan}/actions?unticked=yes"),
    Visit("actions, with warnings", "/syncs/{plan}/actions?warnings=yes"),
    Visit("actions, held", "/syncs/{plan}/actions?held=yes"),
    Visit("actions of the first sync, sections", "/syncs/{first}/actions?type=section"),
    Visit("action on a student", "/syncs/{plan}/actions/{action}"),
    Visit("action on a section", "/syncs/{first}/actions/{section_action}"),
)
TICK_ADDRESS = "/syncs/{plan}/actions/{action}/tick"

NOT_PAGES = frozenset({
    "static", "setup.setup", "sign_in.sign_in", "clever_sign_in.sign_in", "clever_sign_in.callback", "password_links.choose",
    "notifications.follow", "app_center.ask_install", "my_classes.my_class",
})  # fmt: skip
"""What no signed-in administrator looks at: files, pages of before, a redirect. Spreadsheets go without saying."""
