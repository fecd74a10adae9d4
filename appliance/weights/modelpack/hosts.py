"""Which hosts a registry's answers may lead us to: the registry itself, and public addresses.

A registry sends its clients on: to a blob's storage, to a server of tokens. An answer that leads to an address inside
the company would make the appliance ask there on a stranger's behalf.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from appliance.base.errors import Forbidden

Resolve = Callable[[str], Iterable[str]]


def addresses_of(host: str) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def require_allowed(url: str, *, allowed: Iterable[str], resolve: Resolve = addresses_of) -> None:
    """`allowed` are `host:port`, or hosts whose every port is allowed. Raises Forbidden; OSError where a name is
    unknown.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if {host, with_port(parts.netloc.rpartition("@")[2], tls=parts.scheme == "https")} & {
        each.lower() for each in allowed
    }:
        return
    inside = [each for each in resolve(host) if not ipaddress.ip_address(each.partition("%")[0]).is_global]
    if inside:
        raise Forbidden(
            f"The registry sends us to {host}, which has the private address {inside[0]}.",
            hint=f"If that is right, allow it: --allow-host {parts.netloc.rpartition('@')[2]}",
            code="private_address",
            host=host,
        )


def with_port(netloc: str, *, tls: bool) -> str:
    """`host:port`, with the scheme's own port where none is said."""
    has_port = netloc.rpartition("]")[2].count(":") == 1
    return (netloc if has_port else f"{netloc}:{443 if tls else 80}").lower()
