"""The files and columns of OneRoster's CSV binding, 1.1 and 1.2, for those who read and those who write them."""

from typing import NamedTuple

MANIFEST = "manifest.csv"
OWN_CODE = "sis-portal"
"""``source.systemCode`` of packages that this portal wrote."""
MANIFEST_HEADER = ("propertyName", "value")


class Table(NamedTuple):
    """One file: its columns in the order of the specification, and those that must not be missing."""

    name: str
    columns: tuple[str, ...]
    required: frozenset[str]

    @property
    def file(self) -> str:
        return f"{self.name}.csv"


def _table(name: str, columns: str) -> Table:
    """``columns`` as the specification's tables list them, an asterisk behind the required ones."""
    each = columns.split(",")
    required = frozenset(column.rstrip("*") for column in each if column.endswith("*"))
    head = ("sourcedId", "status", "dateLastModified")
    return Table(name, (*head, *(column.rstrip("*") for column in each)), required | {"sourcedId"})


_ACADEMIC_SESSIONS = _table("academicSessions", "title*,type*,startDate*,endDate*,parentSourcedId,schoolYear*")
_ORGS = _table("orgs", "name*,type*,identifier,parentSourcedId")
_COURSES = _table("courses", "schoolYearSourcedId,title*,courseCode,grades,orgSourcedId*,subjects,subjectCodes")
_CLASSES = _table(
    "classes",
    "title*,grades,courseSourcedId*,classCode,classType*,location,schoolSourcedId*,termSourcedIds*,subjects,"
    "subjectCodes,periods",
)
_USERS_1_1 = _table(
    "users",
    "enabledUser*,orgSourcedIds*,role*,username*,userIds,givenName*,familyName*,middleName,identifier,email,sms,phone,"
    "agentSourcedIds,grades,password",
)
_USERS_1_2 = _table(
    "users",
    "enabledUser*,username*,userIds,givenName*,familyName*,middleName,identifier,email,sms,phone,agentSourcedIds,grades,"
    "password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns",
)
_ROLES = _table("roles", "userSourcedId*,roleType*,role*,beginDate,endDate,orgSourcedId*,userProfileSourcedId")
_ENROLLMENTS = _table("enrollments", "classSourcedId*,schoolSourcedId*,userSourcedId*,role*,primary,beginDate,endDate")
_DEMOGRAPHICS = _table(
    "demographics",
    "birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,nativeHawaiianOrOtherPacificIslander,white,"
    "demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,countryOfBirthCode,stateOfBirthAbbreviation,cityOfBirth,"
    "publicSchoolResidenceStatus",
)
_BOTH = (_ACADEMIC_SESSIONS, _ORGS, _COURSES, _CLASSES, _ENROLLMENTS, _DEMOGRAPHICS)

TABLES: dict[str, dict[str, Table]] = {
    "1.1": {table.name: table for table in (*_BOTH, _USERS_1_1)},
    "1.2": {table.name: table for table in (*_BOTH, _USERS_1_2, _ROLES)},
}
"""By version, the rostering files that are read (and written) here."""

_NAMES_1_1 = (
    "academicSessions", "categories", "classes", "classResources", "courses", "courseResources", "demographics",
    "enrollments", "lineItems", "orgs", "resources", "results", "users",
)  # fmt: skip
_NAMES_1_2 = (
    "lineItemLearningObjectiveIds", "lineItemScoreScales", "resultLearningObjectiveIds", "resultScoreScales", "roles",
    "scoreScales", "userProfiles", "userResources",
)  # fmt: skip
MANIFEST_FILES = {"1.1": _NAMES_1_1, "1.2": (*_NAMES_1_1, *_NAMES_1_2)}
"""By version, every file that a manifest says something about (``file.<name>``)."""

ALIASES = {
    "datalastmodified": "dateLastModified",
    "prefferedgivenname": "preferredGivenName",
    "prefferedmiddlename": "preferredMiddleName",
    "prefferedfamilyname": "preferredFamilyName",
}
"""Misspelt headers that published files have, in small letters, and what they mean."""

OWN_COLUMNS: dict[str, dict[str, str]] = {
    "orgs": {"metadata.sisPortal.archived": "archived", "metadata.sisPortal.wholePortal": "wholePortal"},
    "courses": {"metadata.sisPortal.parentClass": "parentClass"},
    "users": {
        "metadata.sisPortal.preferredName": "preferredGivenName",
        "metadata.sisPortal.graduationYear": "graduationYear",
        "metadata.sisPortal.furtherRoles": "furtherRoles",
        "metadata.sisPortal.archived": "archived",
        "metadata.sisPortal.exact": "exact",
    },
    "classes": {
        "metadata.sisPortal.sisId": "sisId",
        "metadata.sisPortal.style": "style",
        "metadata.sisPortal.session": "session",
        "metadata.sisPortal.archived": "archived",
        "metadata.sisPortal.exact": "exact",
    },
}
"""By file, columns of packages that this portal wrote, for what version 1.1 has no room for, and what they are read as.

``exact`` and ``parentClass`` are JSON: fields of the portal by their names, those only that the other columns would not bring
back as they are, and the fields of the parent class that a course stands for.
"""
