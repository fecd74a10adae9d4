"""Port choice as cases: what is taken goes in, a choice or a sentence comes out."""

import pytest

from appliance.base.errors import SetupError
from installer.setup.ports import (
    BLOCK_SIZE,
    BLOCKS,
    FIRST_BLOCK,
    block_ports,
    choose_ports,
    choose_public,
    free_block,
    keep_or_choose,
)

KEY = "0000000a"
STORED = block_ports(FIRST_BLOCK, public=8080)


@pytest.mark.parametrize(
    ("explicit", "taken", "expected"),
    [
        (None, {}, 8080),
        (None, {8080: "nginx"}, 8081),
        (None, {8080: "nginx", 8081: "nginx", 9000: "x"}, 8082),
        (9000, {8080: "nginx"}, 9000),
    ],
)
def test_public_port(explicit: int | None, taken: dict[int, str], expected: int) -> None:
    assert choose_public(explicit, taken=taken) == expected


def test_an_explicit_port_in_use_names_its_holder() -> None:
    with pytest.raises(SetupError, match=r"Port 9000 is in use by nginx \(process 7\)") as caught:
        choose_public(9000, taken={9000: "nginx (process 7)"})
    assert "APPLIANCE_HTTP__PORT" in (caught.value.hint or "")


def test_two_homes_begin_at_different_blocks() -> None:
    assert free_block("00000001", taken={}) != free_block("00000002", taken={})


def test_a_block_with_one_taken_port_is_passed_over() -> None:
    first = free_block(KEY, taken={})
    assert free_block(KEY, taken={first + BLOCK_SIZE - 1: "x"}) == first + BLOCK_SIZE


def test_no_free_block_is_a_sentence() -> None:
    everywhere = {FIRST_BLOCK + BLOCK_SIZE * block: "x" for block in range(BLOCKS)}
    with pytest.raises(SetupError, match="in a row"):
        free_block(KEY, taken=everywhere)


def test_no_port_is_given_twice() -> None:
    ports = choose_ports(home_key=KEY, taken={}, explicit_public=None).model_dump()
    assert len(set(ports.values())) == len(ports)


def test_blocks_stay_below_the_ports_that_linux_lends_out() -> None:
    assert FIRST_BLOCK + BLOCK_SIZE * BLOCKS <= 32_768


@pytest.mark.parametrize(
    ("explicit", "taken", "public", "moved"),
    [
        (None, {}, 8080, False),
        (9000, {}, 9000, False),
        (None, {9999: "x"}, 8080, False),
        (None, {FIRST_BLOCK: "x"}, 8080, True),
        (None, {FIRST_BLOCK + 50: "x"}, 8080, True),
    ],
)
def test_stored_ports(explicit: int | None, taken: dict[int, str], public: int, moved: bool) -> None:
    kept = keep_or_choose(STORED, home_key=KEY, taken=taken, explicit_public=explicit)
    assert kept.public == public
    assert (kept.ray_gcs != STORED.ray_gcs) == moved


def test_a_stored_public_port_never_moves_by_itself() -> None:
    with pytest.raises(SetupError, match="8080 is in use by nginx"):
        keep_or_choose(STORED, home_key=KEY, taken={8080: "nginx"}, explicit_public=None)
