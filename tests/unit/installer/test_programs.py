"""What a Redis or Valkey says of its version."""

import pytest

from installer.programs import parse_server_version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=dff95a8e7a99d269", (6, 2, 14)),
        ("Valkey server v=8.1.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", (8, 1, 0)),
        ("what is this", ()),
    ],
)
def test_version(said: str, version: tuple[int, ...]) -> None:
    assert parse_server_version(said) == version
