"""What the audit log can say (SPEC 2.5): every event by its name, in the groups that its page filters by."""

from typing import Literal, get_args

SignIns = Literal[
    "signed-in",
    "sign-in-failed",
    "sign-in-refused",
    "sign-in-throttled",
    "signed-out",
    "signed-out-everywhere",
    "second-factor-failed",
    "recovery-code-used",
]
Passwords = Literal[
    "password-link-made",
    "password-link-refused",
    "password-chosen",
    "password-changed",
    "password-reset",
    "password-reset-asked",
    "login-card-printed",
    "login-card-used",
    "second-factor-set-up",
    "second-factor-switched-off",
    "second-factor-reset",
    "recovery-codes-made",
]
Accounts = Literal[
    "administrator-made",
    "account-made",
    "account-changed",
    "account-archived",
    "account-reactivated",
    "accounts-imported",
]
Classes = Literal[
    "class-made",
    "class-changed",
    "class-archived",
    "class-reactivated",
    "class-joined",
    "class-left",
    "teachers-ordered",
    "session-attached",
    "session-detached",
    "parent-made",
    "classes-imported",
]
Settings = Literal[
    "settings-changed",
    "options-changed",
    "automatic-sync-switched-off",
    "connected",
    "connection-enabled",
    "connection-disabled",
    "school-chosen",
    "school-ignored",
    "school-mapped",
    "schools-mapped",
    "app-installed",
    "app-disabled",
    "sample-tried",
    "sample-day-passed",
    "sample-removed",
]
Organizations = Literal[
    "organization-made",
    "organization-changed",
    "organization-archived",
    "organization-reactivated",
    "organizations-partitioned",
    "organizations-not-partitioned",
]
Reviews = Literal[
    "action-ticked",
    "action-unticked",
    "match-decided",
    "matches-decided",
    "value-chosen",
    "guards-released",
    "pins-released",
    "proposed-again",
]
Syncs = Literal[
    "sync-started",
    "undo-asked",
    "sync-cancelled",
    "sync-discarded",
    "commit-asked",
    "sync-committed",
    "file-taken",
    "file-refused",
]
Upkeep = Literal[
    "backup-made",
    "portal-restored",
    "mails-sent-again",
    "mails-given-up",
    "old-records-removed",
    "person-exported",
    "directory-exported",
]

Event = SignIns | Passwords | Accounts | Classes | Settings | Organizations | Reviews | Syncs | Upkeep
"""A new event is named in one of the groups above: the type checker refuses any other."""

GROUPS: dict[str, tuple[str, ...]] = {
    "sign-ins": get_args(SignIns),
    "passwords": get_args(Passwords),
    "accounts": get_args(Accounts),
    "classes": get_args(Classes),
    "settings": get_args(Settings),
    "organizations": get_args(Organizations),
    "reviews": get_args(Reviews),
    "syncs": get_args(Syncs),
    "upkeep": get_args(Upkeep),
}
"""Group -> its events, as the filter of the page offers them."""

NAMES = frozenset(name for events in GROUPS.values() for name in events)
