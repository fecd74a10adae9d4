"""The door: scopes, networks, and wrong keys counted by address."""

import hashlib
from typing import Any

import pytest

from appliance.base.contracts.snapshot import Snapshot, SnapshotKey
from appliance.base.errors import Forbidden, RateLimited, Unauthenticated
from appliance.gateway.door import BadKeys, Door
from appliance.gateway.snapshot_file import Directory, index


def key(secret: str, **changes: object) -> SnapshotKey:
    fields = {"key_id": secret, "digest": hashlib.sha256(secret.encode()).hexdigest(), "project_id": "p1", **changes}
    return SnapshotKey.model_validate(fields)


KEYS = (
    key("open"),
    key("office", allowed_networks=("10.1.0.0/16", "2001:db8::/32")),
    key("files", scopes=("files",)),
    key("inference", scopes=("inference",)),
    key("rotated", key_id="k", expires_at=10.0),
    key("renewed", key_id="k"),
)
DIRECTORY: Directory = index(Snapshot(version=1, keys=KEYS))


class Times:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scope(secret: str, *, peer: str | None = None, forwarded: str | None = None, path: str = "/v1/models") -> Any:
    headers = [(b"authorization", f"Bearer {secret}".encode())]
    headers += [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return {"path": path, "headers": headers, "client": (peer, 1) if peer else None}


def door(times: Times, *, trusted: tuple[str, ...] = (), per_minute: int = 3) -> Door:
    return Door(bad_keys=BadKeys(per_minute=per_minute), trusted=trusted, unix_time=times, monotonic=times)


@pytest.mark.parametrize(
    ("address", "passes"),
    [("10.1.2.3", True), ("10.2.0.1", False), ("2001:db8::1", True), ("::ffff:10.1.0.9", True), ("nonsense", False)],
)
def test_a_key_works_from_its_networks_only(address: str, passes: bool) -> None:
    opened = door(Times())
    if passes:
        assert opened.admit(scope("office", forwarded=address), directory=DIRECTORY).key_id == "office"
    else:
        with pytest.raises(Forbidden) as caught:
            opened.admit(scope("office", forwarded=address), directory=DIRECTORY)
        assert caught.value.error_code == "address_not_allowed"


def test_an_unknown_address_is_in_no_network() -> None:
    with pytest.raises(Forbidden):
        door(Times()).admit(scope("office"), directory=DIRECTORY)


def test_over_tcp_only_a_trusted_proxy_is_believed() -> None:
    lie = scope("office", peer="192.0.2.1", forwarded="10.1.2.3")
    with pytest.raises(Forbidden):
        door(Times()).admit(lie, directory=DIRECTORY)
    with pytest.raises(Forbidden):
        door(Times(), trusted=("198.51.100.0/24",)).admit(lie, directory=DIRECTORY)
    assert door(Times(), trusted=("192.0.2.0/24",)).admit(lie, directory=DIRECTORY).key_id == "office"


def test_what_a_client_says_before_the_proxy_does_not_count() -> None:
    told = scope("office", peer="192.0.2.1", forwarded="10.1.2.3, 203.0.113.7, 192.0.2.2")
    opened = door(Times(), trusted=("192.0.2.0/24",))
    assert opened.address(told) == "203.0.113.7"
    assert opened.address(scope("office", peer="203.0.113.9", forwarded="10.1.2.3")) == "203.0.113.9"
    assert opened.address(scope("office", forwarded="1.1.1.1, 203.0.113.7")) == "203.0.113.7"


@pytest.mark.parametrize(
    ("secret", "path", "passes"),
    [
        ("files", "/v1/files/file-1/content", True),
        ("files", "/v1/chat/completions", False),
        ("inference", "/v1/chat/completions", True),
        ("inference", "/v1/batches", False),
        ("open", "/v1/fine_tuning/jobs", True),
    ],
)
def test_a_key_is_for_its_scopes(secret: str, path: str, passes: bool) -> None:
    if passes:
        assert door(Times()).admit(scope(secret, path=path), directory=DIRECTORY).key_id == secret
    else:
        with pytest.raises(Forbidden, match="is not for"):
            door(Times()).admit(scope(secret, path=path), directory=DIRECTORY)


def test_both_secrets_of_a_rotated_key_are_the_same_key_until_the_old_one_ends() -> None:
    times = Times()
    opened = door(times)
    assert opened.admit(scope("rotated"), directory=DIRECTORY).key_id == "k"
    times.now = 10.0
    assert opened.admit(scope("renewed"), directory=DIRECTORY).key_id == "k"
    with pytest.raises(Unauthenticated):
        opened.admit(scope("rotated"), directory=DIRECTORY)


def test_wrong_keys_are_slowed_by_address_and_good_ones_are_not() -> None:
    times = Times()
    opened = door(times, per_minute=3)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            opened.admit(scope("wrong", forwarded="203.0.113.7"), directory=DIRECTORY)
    with pytest.raises(RateLimited) as caught:
        opened.admit(scope("wrong", forwarded="203.0.113.7"), directory=DIRECTORY)
    assert caught.value.retry_after_seconds == 60.0
    assert opened.admit(scope("open", forwarded="203.0.113.7"), directory=DIRECTORY).key_id == "open"
    with pytest.raises(Unauthenticated):
        opened.admit(scope("wrong", forwarded="203.0.113.8"), directory=DIRECTORY)
    times.now = 60.0
    with pytest.raises(Unauthenticated):
        opened.admit(scope("wrong", forwarded="203.0.113.7"), directory=DIRECTORY)


def test_one_ipv6_network_is_one_address() -> None:
    opened = door(Times(), per_minute=2)
    for host in ("1", "2"):
        with pytest.raises(Unauthenticated):
            opened.admit(scope("wrong", forwarded=f"2001:db8:1:1::{host}"), directory=DIRECTORY)
    with pytest.raises(RateLimited):
        opened.admit(scope("wrong", forwarded="2001:db8:1:1:ffff::3"), directory=DIRECTORY)


def test_the_count_is_bounded_and_forgets_the_oldest() -> None:
    counted = BadKeys(per_minute=1, most_addresses=2)
    for place in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        counted.count(place, now=0.0)
    assert len(counted) == 2
    counted.count("192.0.2.1", now=1.0)
    with pytest.raises(RateLimited):
        counted.count("192.0.2.1", now=2.0)


def test_nobody_is_counted_without_an_address_or_a_limit() -> None:
    counted = BadKeys(per_minute=1)
    for _ in range(5):
        counted.count(None, now=0.0)
    off = BadKeys(per_minute=0)
    for _ in range(5):
        off.count("192.0.2.1", now=0.0)
    assert len(counted) == len(off) == 0
