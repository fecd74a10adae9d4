"""Prefix affinity: the same beginning goes to the same place, and a hot one spills over."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.gateway.routing.prefixes import BLOCK_BYTES, PrefixMemory, bounded, chain, prompt_of

IDS = ["r1", "r2", "r3"]


def test_a_longer_match_wins_over_a_later_shorter_one() -> None:
    memory = PrefixMemory()
    system, talk, other = b"s" * BLOCK_BYTES, b"t" * BLOCK_BYTES, b"o" * BLOCK_BYTES
    memory.remember(chain(system + talk), replica_id="r1")
    memory.remember(chain(system + other), replica_id="r2")
    assert memory.preferred(chain(system + talk + b"x" * BLOCK_BYTES), replica_ids=IDS)[0] == "r1"
    assert memory.preferred(chain(system + other), replica_ids=IDS)[0] == "r2"


@given(st.binary(min_size=1, max_size=3000))
def test_two_gateways_agree_on_what_nobody_saw(prompt: bytes) -> None:
    one, other = PrefixMemory(), PrefixMemory()
    assert one.preferred(chain(prompt), replica_ids=IDS) == other.preferred(chain(prompt), replica_ids=IDS[::-1])


@given(st.binary(max_size=5000), st.binary(max_size=1000))
def test_a_chain_of_a_prefix_is_a_prefix_of_the_chain(prompt: bytes, more: bytes) -> None:
    whole = prompt[: len(prompt) // BLOCK_BYTES * BLOCK_BYTES]
    if whole:
        assert chain(whole + more)[: len(chain(whole))] == chain(whole)


def test_a_replica_that_has_gone_is_not_preferred() -> None:
    memory = PrefixMemory()
    memory.remember(chain(b"x" * BLOCK_BYTES), replica_id="gone")
    assert sorted(memory.preferred(chain(b"x" * BLOCK_BYTES), replica_ids=IDS)) == IDS


def test_the_memory_is_bounded() -> None:
    memory = PrefixMemory(most=10)
    for number in range(100):
        memory.remember(chain(b"%d" % number), replica_id="r1")
    assert len(memory) == 10


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=10))
def test_somebody_is_always_below_the_bound(loads: list[int]) -> None:
    assert min(loads) < bounded(loads)


def test_the_content_begins_at_its_field_and_not_at_a_word_in_a_text() -> None:
    body = rb'{"model":"m","user":"say \"messages\" twice","messages":[1]}'
    assert prompt_of(body, content_field="messages") == b'"messages":[1]}'
    assert prompt_of(b"{}", content_field="messages") == b""
