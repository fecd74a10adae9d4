"""Addresses and networks as texts: who sent a request, and whether an address lies in one of some networks. Pure."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@lru_cache(maxsize=4096)
def parse_networks(networks: tuple[str, ...]) -> tuple[Network, ...]:
    """Raises ValueError."""
    return tuple(ip_network(network) for network in networks)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """None where it is none; an IPv4 address written as an IPv6 one (`::ffff:10.0.0.1`) is the IPv4 address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def holds_address(networks: Iterable[str], address: str | None) -> bool:
    """False where the address is not known, or where one of the networks cannot be read."""
    parsed = parse_address(address) if address else None
    if parsed is None:
        return False
    try:
        return any(parsed in network for network in parse_networks(tuple(networks)))
    except ValueError:
        return False


def neighbourhood(address: str) -> str:
    """What tries are counted under: one IPv6 client has a whole /64 to itself (RFC 6177), an IPv4 one its address."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed or address)


def client_address(peer: str | None, *, forwarded: Sequence[str], trusted: tuple[str, ...]) -> str | None:
    """Who sent a request. `peer` is None on a unix socket, where only the front door can be: its word counts.

    Over TCP `X-Forwarded-For` counts only from a peer in one of the `trusted` networks; then it is the last address in
    it that is not itself a trusted proxy's, because everything before it may be the client's invention.
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(",") if hop.strip()]
    if peer is None:
        return hops[-1] if hops else None
    if not trusted or not holds_address(trusted, peer):
        return peer
    return next((hop for hop in reversed(hops) if not holds_address(trusted, hop)), peer)
