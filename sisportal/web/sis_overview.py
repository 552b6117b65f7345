"""Overview: how much the SIS lists, and how much of it is linked, unmatched and archived; each number leads to its list."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import Pin, SisConnection, SisPerson, SisSchool, SisSection
from sisportal.syncing import connections
from sisportal.web.access import Rule, access, get_connection
from sisportal.web.mirror_lists import MirrorList
from sisportal.web.rendering import render_tab, url_with
from sisportal.web.sis_words import words_of

blueprint = Blueprint("sis_overview", __name__)

OTHERS = {
    "staff": "Staff",
    "district-admin": "District administrators",
    "contact": "Contacts and guardians",
    "other": "Others",
}
NUMBERS = (
    ("", "In the SIS", "", "listed now"),
    ("linked", "Linked", "success", "with a record of the portal"),
    ("unmatched", "Unmatched", "warning", "without one"),
    ("changed", "Changed", "", "since the last commit"),
    ("archived", "Archived", "", "in the portal"),
    ("gone", "No longer listed", "", "by the SIS"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and the list that it counts."""

    label: str
    value: int
    url: str
    tone: str = ""
    note: str = ""


@blueprint.get("/admin/sis/<kind>/overview")
@access(Rule.READ)
def overview(kind: str) -> Response:
    connection = get_connection(kind)
    base, words = f"/admin/sis/{kind}", words_of(kind)
    return render_tab(
        "sis_overview/overview.html",
        connection=connection,
        source=connections.NAMES[kind],
        schools=_schools(connection, f"{base}/schools"),
        groups=[
            (
                words.label("Students"),
                _figures(MirrorList(connection, SisPerson, "student").counts, f"{base}/students"),
            ),
            (
                words.label("Teachers"),
                _figures(MirrorList(connection, SisPerson, "teacher").counts, f"{base}/teachers"),
            ),
            ("Sections", _figures(MirrorList(connection, SisSection).counts, f"{base}/sections")),
        ],
        pins=_pins(connection, f"{base}/pins"),
        others=[(label, connection.others[role]) for role, label in OTHERS.items() if connection.others.get(role)],
    )


def _figures(counts: Mapping[str, int], url: str) -> list[Figure]:
    return [
        Figure(label, counts[state], url_with(url, state=state), tone if counts[state] else "", note)
        for state, label, tone, note in NUMBERS
    ]


def _pins(connection: SisConnection, url: str) -> list[Figure]:
    both = func.count().filter(Pin.both)
    total, changed = db.session.execute(select(func.count(), both).where(Pin.connection_id == connection.id)).one()
    return [
        Figure("Pinned fields", total, url, note="changed in the portal by hand, and kept"),
        Figure(
            "Changed there too", changed, url_with(url, both="yes"), "warning" if changed else "", "the next sync asks"
        ),
    ]


def _schools(connection: SisConnection, url: str) -> list[Figure]:
    rows = db.session.execute(
        select(SisSchool.mapping, SisSchool.gone_at.is_not(None), func.count())
        .where(SisSchool.connection_id == connection.id)
        .group_by(SisSchool.mapping, SisSchool.gone_at.is_not(None))
    ).all()
    listed = {row[0]: row[2] for row in rows if not row[1]}
    gone = sum(row[2] for row in rows if row[1])
    return [
        Figure("In the SIS", sum(listed.values()), url),
        Figure("Synced", listed.get("mapped", 0), url_with(url, state="mapped"), "success" if listed else ""),
        Figure("Not mapped", listed.get("unmapped", 0), url_with(url, state="unmapped")),
        Figure("Ignored", listed.get("ignored", 0), url_with(url, state="ignored")),
        Figure("No longer listed", gone, url_with(url, state="gone")),
    ]
