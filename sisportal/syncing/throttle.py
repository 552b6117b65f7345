"""How often a password may be tried: counted by account and by address, so that guessing takes for ever."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import Engine, delete, func, insert, select

from sisportal.models import FailedSignIn
from sisportal.models.database import writing

WINDOW = timedelta(minutes=15)
KEPT = timedelta(days=1)
LONGEST_KEY = 200


def network(address: str) -> str:
    """Whose tries count together with those from an address: one household has 2^64 addresses of IPv6, and changes them at will."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((int(found), 64), strict=False))


def is_first_refusal(engine: Engine, key: str, now: datetime) -> bool:
    """Whether a refusal is the first of its kind within ``WINDOW``: what the audit log is told, and then not again."""
    return may_try(engine, {f"told:{key}": 1}, now)


def may_try(engine: Engine, limits: Mapping[str, int], now: datetime) -> bool:
    """Count a try under each key, unless one of them has had as many failures as its limit within ``WINDOW``.

    It is counted before the password is looked at: tries made at the same moment cannot pass together.
    """
    keys = {key[:LONGEST_KEY]: limit for key, limit in limits.items()}
    with writing(engine).begin() as connection:
        connection.execute(delete(FailedSignIn).where(FailedSignIn.at < now - KEPT))
        counted = select(FailedSignIn.key, func.count()).where(
            FailedSignIn.key.in_(keys), FailedSignIn.at > now - WINDOW
        )
        failures = {row[0]: row[1] for row in connection.execute(counted.group_by(FailedSignIn.key))}
        if any(failures.get(key, 0) >= limit for key, limit in keys.items()):
            return False
        connection.execute(insert(FailedSignIn), [{"key": key, "at": now} for key in keys])
    return True


def forget(engine: Engine, keys: Mapping[str, int], now: datetime) -> None:
    """The password fitted: the account's failures are forgotten, of the address only this try."""
    with writing(engine).begin() as connection:
        for key in keys:
            statement = delete(FailedSignIn).where(FailedSignIn.key == key[:LONGEST_KEY])
            if key.startswith("address:"):
                latest = select(func.max(FailedSignIn.id)).where(
                    FailedSignIn.key == key[:LONGEST_KEY], FailedSignIn.at == now
                )
                statement = statement.where(FailedSignIn.id == latest.scalar_subquery())
            connection.execute(statement)
