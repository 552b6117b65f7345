"""Addresses that no SIS has: the machine's own neighbours that tell secrets to whoever asks (ASVS 5.0, 1.3.6).

An SIS may stand in the school's own network, so private addresses and this machine are allowed.
"""

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address

from sisportal.providers.base import ProviderError

Resolve = Callable[[str], Iterable[str]]
"""The addresses of a name."""
SECRET_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
SECRET_ADDRESSES = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192"})
"""Where clouds tell a machine its credentials, besides the link-local addresses."""


def resolved(host: str) -> list[str]:
    """What the machine's resolver says; nothing where it knows no such name: the request itself tells that then."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def refuse_inner(host: str, resolve: Resolve = resolved) -> None:
    """Raise ``ProviderError`` where a host, or what its name leads to, is an address that is no server's."""
    name = host.strip("[]").rstrip(".").lower()
    if name in SECRET_NAMES or any(_is_inner(address) for address in (name, *resolve(name))):
        raise ProviderError(
            "That address belongs to the inside of a machine or of a cloud, and no SIS is there. Enter the SIS's own address.",
            code="wrong-url",
        )


def _is_inner(text: str) -> bool:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_link_local or address.is_multicast or address.is_unspecified or str(address) in SECRET_ADDRESSES
