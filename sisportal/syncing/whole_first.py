"""A file that lists only what changed is read where everything was read before: laid over nothing, it is no roster.

The specification has it so, too: *bulk* is everything there is, *delta* what changed since (facts/oneroster.md 3.4).
"""

from sqlalchemy import Connection, Engine, select

from sisportal.models import SisPerson, SisReference, SisSchool, SisSection, Sync
from sisportal.providers.base import PackageProvider, Provider
from sisportal.roster.options import Item
from sisportal.roster.records import Collection
from sisportal.syncing.progress import Stopped

_NOUNS = {
    Collection.SCHOOLS: "schools",
    Collection.TERMS: "terms",
    Collection.COURSES: "courses",
    Collection.PEOPLE: "students and teachers",
    Collection.SECTIONS: "sections",
}
_MIRRORS = {
    Collection.SCHOOLS: SisSchool.connection_id,
    Collection.PEOPLE: SisPerson.connection_id,
    Collection.SECTIONS: SisSection.connection_id,
}
_OF_ITEM = {
    Item.USERS: frozenset({Collection.SCHOOLS, Collection.PEOPLE}),
    Item.SECTIONS: frozenset({Collection.SCHOOLS, Collection.TERMS, Collection.COURSES, Collection.SECTIONS}),
}


def require_whole_first(engine: Engine, connection_id: int, provider: Provider, items: frozenset[Item]) -> None:
    """Raise ``Stopped`` where the provider is a file that lists changes of what was never listed in full."""
    if not isinstance(provider, PackageProvider):
        return
    wanted = provider.changed() & frozenset[Collection]().union(*(_OF_ITEM[item] for item in items))
    if not wanted:
        return
    with engine.connect() as connection:
        missing = wanted - _known(connection, connection_id)
        if missing:
            missing -= _listed(connection, connection_id)
    if missing:
        nouns = " and ".join(_NOUNS[collection] for collection in sorted(missing, key=list(Collection).index))
        raise Stopped(
            f"This is a delta file: it lists only what changed in the {nouns}, and no file that lists all of them was read "
            "yet. Whoever is not in it would be missing here. Upload a bulk package first, then the delta files made after it.",
            "whole-file-needed",
        )


def _listed(connection: Connection, connection_id: int) -> set[Collection]:
    """What a file listed in full, were it nothing: before the school year there may be no class yet."""
    read = select(Sync.completeness).where(Sync.connection_id == connection_id, Sync.prepared_at.is_not(None))
    seals = [seal for completeness in connection.scalars(read) for seal in completeness]
    # The seal of a list of changes proves nothing, and says no reason.
    return {Collection(seal["collection"]) for seal in seals if seal["complete"] or seal["reason"]}


def _known(connection: Connection, connection_id: int) -> set[Collection]:
    """What was listed in full before: some of it is held."""
    known = {
        collection
        for collection, owner in _MIRRORS.items()
        if connection.scalars(select(owner).where(owner == connection_id).limit(1)).first() is not None
    }
    references = select(SisReference.collection).where(SisReference.connection_id == connection_id).distinct()
    return known | {Collection(name) for name in connection.scalars(references) if name in set(Collection)}
