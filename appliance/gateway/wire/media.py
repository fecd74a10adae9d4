"""Where a picture, a sound or a video in a request may come from: from the request itself, or from hosts on a list.

An engine fetches a URL by itself, from inside the company's network. So only `data:` URLs pass by default; an http(s)
URL passes where an admin lists its host, and a literal address of this machine or of a private network never, unless
that very address is on the list. Names are not resolved here (that would cost each request a DNS answer, and the engine
asks again): the list is of names that an admin trusts. vLLM holds the same list by `--allowed-media-domains`.

A part counts by the key that it has, not by its `type`: vLLM's parser goes by the key where the type is missing
(`vllm/entrypoints/chat_utils.py`). Media may stand in everything that an engine reads as content, a document to be
ranked as well as a message.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from appliance.base.errors import BadRequest
from appliance.gateway.json_objects import as_list, as_object
from appliance.gateway.wire.fields import Fields, wrong_entry

KINDS = frozenset({"image_url", "video_url", "audio_url", "input_audio"})
CONTENT = ("input", "prompt", "query", "documents", "queries", "items", "text_1", "text_2", "data_1", "data_2")
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


def media_in_messages(messages: list[Any], *, policy: MediaPolicy) -> list[tuple[str, str]]:
    """Kind and place of all media in a conversation's parts, each checked; raises BadRequest. Text costs nothing."""
    found: list[tuple[str, str]] = []
    for number, message in enumerate(messages):
        content: Any = message.get("content")
        if content.__class__ is str or not content:
            continue
        for index, part in enumerate(content if isinstance(content, list) else [content]):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            if part.__class__ is dict and not KINDS.isdisjoint(part):  # pyright: ignore[reportUnknownArgumentType]
                found += checked(cast("Fields", part), at=f"messages[{number}].content[{index}]", policy=policy)
    return found


def media_in_fields(fields: Fields, body: bytes, *, policy: MediaPolicy) -> list[tuple[str, str]]:
    """The same for what is no conversation: texts, or documents of any shape. Without a second `{` there is none."""
    if body.count(b"{") == 1:
        return []
    return [each for name in CONTENT if name in fields for each in media_below(fields[name], at=name, policy=policy)]


def media_below(value: object, *, at: str, policy: MediaPolicy) -> Iterator[tuple[str, str]]:
    if (listed := as_list(value)) is not None:
        for number, each in enumerate(listed):
            yield from media_below(each, at=f"{at}[{number}]", policy=policy)
    elif (part := as_object(value)) is not None:
        yield from checked(part, at=at, policy=policy)
        for name, each in part.items():
            if name not in KINDS:
                yield from media_below(each, at=f"{at}.{name}", policy=policy)


def checked(part: Fields, *, at: str, policy: MediaPolicy) -> list[tuple[str, str]]:
    kinds = sorted(KINDS & part.keys())
    for kind in kinds:
        policy.check_part(kind, part, at=at)
    return [(kind, at) for kind in kinds]


def refused(at: str, reason: str) -> BadRequest:
    return BadRequest(f"The URL in '{at}' {reason}.", hint=HINT, param=at, code="forbidden_media_url")
