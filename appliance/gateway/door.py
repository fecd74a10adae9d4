"""The door: who asks, from where, and is the key meant for this. One look-up in a dict where all is well.

A key that is not ours is counted against the address it came from; beyond `bad_keys_per_minute` the answer is 429 until
the minute is over. A good key passes all the same: people behind one address must not be able to lock each other out,
and nobody guesses 256 bits.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from appliance.base.contracts.snapshot import DATA_SCOPES, SnapshotKey
from appliance.base.errors import Forbidden, RateLimited, Unauthenticated
from appliance.base.networks import client_address, holds_address, neighbourhood
from appliance.gateway.access import authenticate, find_secret
from appliance.gateway.snapshot_file import Directory

WINDOW_SECONDS = 60.0
MOST_ADDRESSES = 10_000
SCOPES_OF = (
    ("/v1/files", "files"),
    ("/v1/uploads", "files"),
    ("/v1/batches", "batches"),
    ("/v1/fine_tuning", "fine_tuning"),
)
"""By the path's beginning; all else is inference."""


class BadKeys:
    """Wrong keys per address in a window of a minute; bounded, the address longest unseen is forgotten first."""

    def __init__(self, *, per_minute: int, most_addresses: int = MOST_ADDRESSES) -> None:
        self._per_minute = per_minute
        self._most = most_addresses
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str | None, *, now: float) -> None:
        """Raises RateLimited beyond the limit. An unknown address is somebody on the box itself, and not counted."""
        if address is None or not self._per_minute:
            return
        place = neighbourhood(address)
        began, wrong = self._seen.get(place, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, wrong = now, 0
        self._seen[place] = (began, wrong + 1)
        self._seen.move_to_end(place)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        if wrong >= self._per_minute:
            wait = max(1.0, began + WINDOW_SECONDS - now)
            raise RateLimited(
                "Too many wrong API keys came from your address.",
                hint=f"Try again in {int(wait)} s, with a key that works.",
                code="too_many_bad_keys",
                retry_after_seconds=wait,
            )

    def __len__(self) -> int:
        return len(self._seen)


class Door:
    """`trusted` are the networks of proxies whose `X-Forwarded-For` counts; times in seconds."""

    def __init__(
        self,
        *,
        bad_keys: BadKeys,
        trusted: tuple[str, ...],
        unix_time: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._bad_keys = bad_keys
        self._trusted = trusted
        self._unix_time = unix_time
        self._monotonic = monotonic

    def admit(self, scope: Any, *, directory: Directory) -> SnapshotKey:
        """The key of an ASGI request; raises Unauthenticated, Forbidden or RateLimited."""
        try:
            key = authenticate(directory, secret=find_secret(scope["headers"]), now=self._unix_time())
        except Unauthenticated:
            self._bad_keys.count(self.address(scope), now=self._monotonic())
            raise
        if key.allowed_networks is not None:
            require_network(key, address=self.address(scope))
        if key.scopes is not None:
            require_scope(key, path=scope["path"])
        return key

    def address(self, scope: Any) -> str | None:
        """Of the client, as far as it can be known; looked up only where it is needed."""
        peer = scope["client"]
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return client_address(peer[0] if peer and peer[0] else None, forwarded=forwarded, trusted=self._trusted)


def require_network(key: SnapshotKey, *, address: str | None) -> None:
    if key.allowed_networks is not None and not holds_address(key.allowed_networks, address):
        raise Forbidden(
            f"This API key may not be used from your address ({address or 'unknown'}).",
            hint="Ask whoever made the key for your network.",
            code="address_not_allowed",
        )


def require_scope(key: SnapshotKey, *, path: str) -> None:
    wanted = next((scope for beginning, scope in SCOPES_OF if path.startswith(beginning)), DATA_SCOPES[0])
    if key.scopes is not None and wanted not in key.scopes:
        what = wanted.replace("_", " ")
        raise Forbidden(f"This API key is not for {what}.", hint="Its scopes say what for.", code="missing_scope")
