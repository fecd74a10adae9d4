"""Which addresses an import may reach: an address that a person or a mirror names must not lead into the company.

Refused are loopback, link-local (with the clouds' metadata addresses, 169.254.169.254 and fd00:ec2::254), private,
multicast and reserved ranges (IANA's special-purpose registries, as Python's `ipaddress` knows them), unless the admin
allowed the host by name. The check is made on the name, on every redirect, and again on the very addresses that
a connection is about to use, so that a name which resolves differently the second time gains nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from appliance.base.errors import BadRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str], Iterable[str]]

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
SHARED = ipaddress.IPv4Network("100.64.0.0/10")
"""Carrier-grade NAT, where one cloud keeps its metadata address (100.100.100.200)."""

METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})


def refused(shown: str, reason: str) -> BadRequest:
    return BadRequest(
        f"The address {shown} {reason}.",
        hint="An admin may allow the host with APPLIANCE_IMPORTS__ALLOWED_HOSTS.",
        param="endpoint",
        code="forbidden_address",
    )


@dataclass(frozen=True)
class UrlGuard:
    """`allowed_hosts` holds names or literal addresses, lower case, without port."""

    allowed_hosts: frozenset[str] = frozenset()

    def check(self, url: str) -> None:
        """The part that needs no network: scheme, host and, for a literal address, its range."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").casefold().rstrip(".")
            _ = parts.port
        except ValueError as error:
            raise refused(ascii(url[:120]), "cannot be read") from error
        if not host or parts.scheme not in ("https", "http"):
            raise refused(ascii(url[:120]), "is not an http address")
        if parts.username is not None or parts.password is not None:
            raise refused(host, "carries a user name or a password")
        if host in self.allowed_hosts:
            return
        if parts.scheme != "https":
            raise refused(host, "is not reached by https")
        if host in METADATA_NAMES or host == "localhost" or host.endswith((".localhost", ".internal")):
            raise refused(host, "is a name of this machine or of its cloud")
        if (address := literal(host)) is not None:
            self.check_address(host, address)

    def is_allowed(self, url: str) -> bool:
        """Whether the admin named this host."""
        return (urlsplit(url).hostname or "").casefold().rstrip(".") in self.allowed_hosts

    def check_resolved(self, host: str, addresses: Iterable[str]) -> None:
        """Every address that `host` resolved to must be public."""
        name = host.casefold().rstrip(".")
        if name in self.allowed_hosts:
            return
        for text in addresses:
            self.check_address(name, ipaddress.ip_address(text.split("%", 1)[0]))

    def check_address(self, host: str, address: Address) -> None:
        inner = inner_address(address)
        if not inner.is_global or inner.is_multicast or inner.is_reserved or is_shared(inner):
            raise refused(host, "leads to this machine, to a private network or to a cloud's metadata")

    def check_and_resolve(self, url: str, *, resolve: Resolve | None = None) -> None:
        """The whole check, with DNS; raises BadRequest also where the name is unknown."""
        self.check(url)
        host = urlsplit(url).hostname or ""
        try:
            addresses = list((resolve or resolve_host)(host))
        except (OSError, UnicodeError) as error:
            raise BadRequest(
                f"The host {host} is not known ({error}).", param="endpoint", code="unknown_host"
            ) from error
        self.check_resolved(host, addresses)

    @contextmanager
    def around_connections(self) -> Generator[None]:
        """Within, every name that this process resolves is checked, whichever library asks.

        The hubs' clients open their connections themselves, two of them through two HTTP libraries, and all of
        them through `socket.getaddrinfo`. So the check sits there: the address that is checked is the one that is used.
        Only for a process that does nothing else.
        """
        original = socket.getaddrinfo

        def checked(host: Any, *args: Any, **options: Any) -> Any:
            found = original(host, *args, **options)
            name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
            self.check_resolved(name, [str(entry[4][0]) for entry in found])
            return found

        socket.getaddrinfo = checked
        try:
            yield
        finally:
            socket.getaddrinfo = original


def resolve_host(host: str) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def literal(host: str) -> Address | None:
    """A host that is an address, also in the forms that inet_aton takes (`0x7f.1`, `2130706433`)."""
    try:
        return ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def inner_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    carried = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if carried is None and address in NAT64:
        carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return carried or address


def is_shared(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv4Address) and address in SHARED
