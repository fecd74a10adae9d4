"""Where a picture, a sound or a video in a request may come from: from the request itself, or from hosts on a list.

An engine fetches a URL by itself, from inside the company's network. So only `data:` URLs pass by default; an http(s)
URL passes where an admin lists its host, and a literal address of this machine or of a private network never, unless
that very address is on the list. Names are not resolved here (that would cost each request a DNS answer, and the engine
asks again): the list is of names that an admin trusts. vLLM holds the same list by `--allowed-media-domains`.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from appliance.base.errors import BadRequest
from appliance.gateway.json_objects import as_object
from appliance.gateway.wire.fields import Fields, wrong_entry

HINT = "Send the content itself as a `data:` URL, or ask an admin to list the host in APPLIANCE_GATEWAY__MEDIA_HOSTS."


@dataclass(frozen=True)
class MediaPolicy:
    """`hosts`: names or literal addresses, lower case, without port; `*.example.com` allows what is below it."""

    hosts: frozenset[str] = frozenset()

    def check(self, url: object, *, at: str) -> None:
        """Raises BadRequest with `at` as the param."""
        if not isinstance(url, str):
            raise wrong_entry(at, "a URL")
        if url[:5].lower() == "data:":
            return
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").casefold().rstrip(".")
        except ValueError as error:
            raise refused(at, "cannot be read as a URL") from error
        if parts.scheme not in ("http", "https") or not host:
            raise refused(at, "is neither a `data:` nor an http address")
        if parts.username is not None or parts.password is not None:
            raise refused(at, "carries a user name or a password")
        if not self.allows(host):
            raise refused(at, "leads to an inner address" if is_inner(host) else "leads to a host that is not allowed")

    def allows(self, host: str) -> bool:
        if host in self.hosts:
            return True
        return not is_inner(host) and any(host.endswith(each[1:]) for each in self.hosts if each.startswith("*."))

    def check_part(self, kind: str, part: Fields, *, at: str) -> None:
        """One part of a chat message; `input_audio` carries its content in itself."""
        held = part.get(kind)
        if kind == "input_audio":
            if as_object(held) is None:
                raise wrong_entry(f"{at}.{kind}", "an object with data and format")
            return
        inner = as_object(held)
        self.check(held if inner is None else inner.get("url"), at=f"{at}.{kind}" + (".url" if inner else ""))


DATA_ONLY = MediaPolicy()


def policy_of(hosts: str) -> MediaPolicy:
    """From the setting: names separated by commas."""
    return MediaPolicy(frozenset(host.strip().casefold() for host in hosts.split(",") if host.strip()))


def is_inner(host: str) -> bool:
    """A name of this machine, or an address, in any of the forms that resolvers take, that is not a public one."""
    if host == "localhost" or host.endswith((".localhost", ".internal", ".local")) or "." not in host:
        return True
    try:
        address = ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return all(part[:1].isdigit() for part in host.split("."))
    return not address.is_global or address.is_multicast


def check_media(parts: Iterable[tuple[str, str, Fields]], *, policy: MediaPolicy) -> None:
    for kind, at, part in parts:
        policy.check_part(kind, part, at=at)


def refused(at: str, reason: str) -> BadRequest:
    return BadRequest(f"The URL in '{at}' {reason}.", hint=HINT, param=at, code="forbidden_media_url")
