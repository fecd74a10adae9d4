import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.base.errors import BadRequest
from appliance.weights.urls import UrlGuard

GUARD = UrlGuard()


def is_taken(url: str, guard: UrlGuard = GUARD) -> bool:
    try:
        guard.check(url)
    except BadRequest:
        return False
    return True


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "10.1.2.3", "172.16.0.1"),
        *("192.168.1.1", "169.254.169.254", "100.100.100.200", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
        *("[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[::ffff:127.0.0.1]"),
        *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST.", "a.localhost", "metadata.google.internal"),
    ],
)
def test_addresses_inside_are_refused(host: str) -> None:
    assert not is_taken(f"https://{host}/x")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://",
            "//example.com",
            "example.com",
        ),
        *("https://user:secret@example.com/", "https://example.com:99999/", "https://[::1/", ""),
    ],
)
def test_only_plain_https_addresses_are_taken(url: str) -> None:
    assert not is_taken(url)


def test_public_hosts_are_taken() -> None:
    for url in (
        "https://huggingface.co/a",
        "https://hf-mirror.com:8443/a",
        "https://8.8.8.8/",
        "https://[2606:4700::1]/",
    ):
        assert is_taken(url)


def test_the_admin_may_allow_a_host_and_only_that_one() -> None:
    guard = UrlGuard(frozenset({"mirror.corp", "10.0.0.5"}))
    assert is_taken("http://mirror.corp:8080/", guard)
    assert is_taken("http://10.0.0.5/", guard)
    guard.check_resolved("mirror.corp", ["10.0.0.7"])
    assert not is_taken("http://10.0.0.6/", guard)
    assert not is_taken("http://other.corp/", guard)


def test_a_public_name_that_leads_inside_is_refused() -> None:
    for address in ("10.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:192.168.0.1"):
        with pytest.raises(BadRequest, match="private network"):
            GUARD.check_and_resolve("https://rebound.example/", resolve=lambda _, found=address: ["8.8.8.8", found])
    GUARD.check_and_resolve("https://good.example/", resolve=lambda _: ["8.8.8.8"])


def test_an_unknown_name_is_said() -> None:
    def unknown(_: str) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(BadRequest, match="is not known"):
        GUARD.check_and_resolve("https://nowhere.example/", resolve=unknown)


def test_every_connection_of_the_process_is_checked_and_the_resolver_comes_back() -> None:
    original = socket.getaddrinfo
    with GUARD.around_connections(), pytest.raises(BadRequest):
        socket.create_connection(("127.0.0.1", 9))
    assert socket.getaddrinfo is original


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused_but_never_crashes(text: str) -> None:
    for url in (text, f"https://{text}"):
        assert is_taken(url) in (True, False)
