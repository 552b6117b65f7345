"""The tables: directory (LMS side), sis (mirror and connections), syncs (plans and notices), portal (settings and audit)."""

from sisportal.models.base import Base
from sisportal.models.directory import (
    Account,
    AccountLink,
    AccountRole,
    ClassLink,
    ClassStyle,
    Membership,
    Organization,
    OrganizationLink,
    SchoolClass,
    Source,
)
from sisportal.models.portal import AuditEvent, FailedSignIn, InstalledApp, Setting
from sisportal.models.sis import (
    ConnectionKind,
    Mapping,
    MatchDecision,
    SisConnection,
    SisEnrollment,
    SisPerson,
    SisReference,
    SisSchool,
    SisSection,
)
from sisportal.models.syncs import (
    Action,
    ActionState,
    ActionType,
    Notification,
    Sync,
    SyncMode,
    SyncState,
    Verb,
    Warning_,
)

__all__ = [
    "Account", "AccountLink", "AccountRole", "Action", "ActionState", "ActionType", "AuditEvent", "Base", "ClassLink", "ClassStyle",
    "ConnectionKind", "FailedSignIn", "InstalledApp", "Mapping", "MatchDecision", "Membership", "Notification", "Organization",
    "OrganizationLink", "SchoolClass", "Setting", "SisConnection", "SisEnrollment", "SisPerson", "SisReference", "SisSchool",
    "SisSection", "Source", "Sync", "SyncMode", "SyncState", "Verb", "Warning_",
]
