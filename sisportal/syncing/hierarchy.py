"""Which business stands under which: as the SIS says, as a person chooses, and so in the tree of organizations."""

from collections.abc import Mapping as Choices
from typing import Any

from sqlalchemy import Connection, select, update

from sisportal.models import Organization, SisSchool

TOP = ""
"""The parent of what stands under nothing."""


def parents_now(connection: Connection, connection_id: int) -> dict[str, str]:
    """``source_id`` of each listed business -> that of the one that it stands under, else ``TOP``.

    One that is mapped stands where its organization does; else where the SIS puts it.
    """
    rows = _listed(connection, connection_id)
    business_of = {row.organization_id: row.source_id for row in rows.values() if row.organization_id}
    above = _above(connection)
    found = {}
    for id_, row in rows.items():
        if row.organization_id:
            found[id_] = business_of.get(above.get(row.organization_id), TOP)
        else:
            found[id_] = str(row.payload.get("parent") or TOP)
    return {id_: parent if parent in rows and parent != id_ else TOP for id_, parent in found.items()}


def below_themselves(parents: Choices[str, str]) -> list[str]:
    """Those that would stand below themselves."""
    return [id_ for id_ in parents if id_ in _line(parents, parents[id_])]


def arrange(connection: Connection, connection_id: int, before: Choices[str, str], parents: Choices[str, str]) -> int:
    """Put the organizations of businesses under those of their parents; how many were moved.

    Who is left out is passed over: what stood under it goes to the next above. An organization that has a place already
    keeps it, unless a person chose another one than ``before``. None is put below itself.
    """
    organizations = {
        id_: row.organization_id for id_, row in _listed(connection, connection_id).items() if row.organization_id
    }
    above, moved = _above(connection), 0
    for id_, organization in organizations.items():
        wanted = _nearest(parents, id_, organizations)
        chosen = parents.get(id_, TOP) != before.get(id_, TOP)
        keeps = above[organization] is not None and not chosen
        if keeps or wanted == above[organization] or (wanted and organization in _line(above, wanted)):
            continue
        above[organization] = wanted
        connection.execute(update(Organization).where(Organization.id == organization).values(parent_id=wanted))
        moved += 1
    return moved


def _nearest(parents: Choices[str, str], id_: str, organizations: Choices[str, int]) -> int | None:
    """The organization of the first business above one that has one."""
    line = _line(parents, parents.get(id_, TOP))
    return next((organizations[each] for each in line if each in organizations), None)


def _line(parents: Choices[Any, Any], begin: Any) -> list[Any]:
    """Where it begins and all above that; each once, whatever circle they stand in."""
    line: list[Any] = []
    while begin and begin not in line:
        line.append(begin)
        begin = parents.get(begin)
    return line


def _listed(connection: Connection, connection_id: int) -> dict[str, Any]:
    statement = select(SisSchool.source_id, SisSchool.organization_id, SisSchool.payload).where(
        SisSchool.connection_id == connection_id, SisSchool.gone_at.is_(None)
    )
    return {row.source_id: row for row in connection.execute(statement.order_by(SisSchool.source_id))}


def _above(connection: Connection) -> dict[int, int | None]:
    return {row.id: row.parent_id for row in connection.execute(select(Organization.id, Organization.parent_id))}
