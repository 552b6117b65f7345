"""Random histories of days, syncs and decisions: whatever came before, committing everything ends in the district as it is."""

import random
from collections.abc import Callable

import pytest

from sisportal.models import Account, AccountLink, SchoolClass, SyncState
from sisportal.sandbox.district import District
from sisportal.syncing.commit import discard
from sisportal.syncing.credentials import Cipher
from sisportal.syncing.selfcheck import check_store
from tests.syncing.anew import Anew, answer, assert_said
from tests.syncing.oracle import Expected
from tests.syncing.portal import Portal

MADE_ANEW: list[Callable[[Anew, random.Random], None]] = [Anew.person, Anew.person, Anew.section]


def nobody_commits(portal: Portal, chance: random.Random) -> None:
    portal.prepare()


def somebody_discards(portal: Portal, chance: random.Random) -> None:
    discard(portal.engine, portal.prepare(), portal.now, "Ada")


def everything_is_committed(portal: Portal, chance: random.Random) -> None:
    portal.sync_all()


def some_is_unticked(portal: Portal, chance: random.Random) -> None:
    sync_id = portal.prepare()
    answer(portal, sync_id, chance)
    planned = sorted({key[2] for key in portal.actions(sync_id)})
    if planned:
        portal.untick(sync_id, *chance.sample(planned, k=max(1, len(planned) // 3)))
    assert portal.commit(sync_id) in {SyncState.COMMITTED, SyncState.PARTLY_COMMITTED}


STEPS: list[Callable[[Portal, random.Random], None]] = [
    nobody_commits, somebody_discards, everything_is_committed, some_is_unticked, some_is_unticked,
]  # fmt: skip


def active(records: dict[str, dict[str, object]], *without: str) -> dict[str, dict[str, object]]:
    return {
        source_id: {name: value for name, value in values.items() if name not in without}
        for source_id, values in records.items()
        if not values["archived"]
    }


@pytest.mark.parametrize("seed", range(5))
def test_committing_everything_in_the_end_makes_up_for_whatever_came_before(
    quick_portal: Portal, district: District, seed: int
) -> None:
    # With blanks that overwrite, the end depends on nothing but the district.
    portal, chance = quick_portal, random.Random(f"history {seed}")
    portal.option("blanks", "replace")
    anew, linked = Anew(district), set[int]()
    away: set[str] = set()
    made = 0
    for _ in range(7):
        chance.choice(STEPS)(portal, chance)
        links = {link.account_id for link in portal.rows(AccountLink)}
        assert linked <= links, "an account stays linked"
        records = len(portal.rows(Account)) + len(portal.rows(SchoolClass))
        assert records >= made, "nothing is ever destroyed"
        archived = {source_id for source_id, account in portal.accounts().items() if account["archived"]}
        assert (archived - away).isdisjoint(district.people.ids), "nobody who is listed is archived"
        assert_said(portal, anew, archived - away)
        away = archived
        linked, made = links, records
        for _ in range(chance.choice((1, 2))):
            portal.pass_day(seed=chance.randrange(100), pace=5)
        anew.finish()
        chance.choice(MADE_ANEW)(anew, chance)

    portal.sync_all()

    expected = Expected()
    expected.commit(district)
    assert check_store(portal.engine, Cipher("made-up"), portal.now) == [], "what a portal does by itself fits together"
    assert active(portal.accounts()) == active(expected.accounts)
    assert active(portal.classes(), "style") == active(expected.classes, "style")
    assert portal.actions(portal.prepare()) == {}
