"""Where a registry may send us: to itself, to public addresses, to hosts that the admin named."""

from collections.abc import Sequence

import pytest

from appliance.base.errors import Forbidden
from appliance.weights.modelpack.hosts import require_allowed, with_port

ADDRESSES = {"inside.example": ["10.0.0.5"], "both.example": ["93.184.216.34", "10.0.0.5"], "out.example": ["8.8.8.8"]}


def allows(url: str, *allowed: str) -> bool:
    def resolve(host: str) -> Sequence[str]:
        return ADDRESSES[host]

    try:
        require_allowed(url, allowed=allowed, resolve=resolve)
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "allowed", "expected"),
    [
        ("https://out.example/x", (), True),
        ("https://inside.example/x", (), False),
        ("https://both.example/x", (), False),
        ("https://inside.example/x", ("inside.example",), True),
        ("https://inside.example:5000/x", ("Inside.example",), True),
        ("https://inside.example:5000/x", ("inside.example:5000",), True),
        ("https://inside.example:6379/x", ("inside.example:5000",), False),
        ("https://inside.example/x", ("inside.example:443",), True),
        ("http://inside.example/x", ("inside.example:443",), False),
        ("https://inside.example@out.example/x", ("inside.example",), True),
        ("https://out.example@inside.example/x", ("out.example",), False),
    ],
)
def test_who_is_allowed(url: str, allowed: tuple[str, ...], expected: bool) -> None:
    assert allows(url, *allowed) is expected


def test_the_port_of_the_scheme_counts_where_none_is_said() -> None:
    assert with_port("Registry.example", tls=True) == "registry.example:443"
    assert with_port("registry.example", tls=False) == "registry.example:80"
    assert with_port("[::1]", tls=True) == "[::1]:443"
    assert with_port("[::1]:5000", tls=True) == "[::1]:5000"
