"""The gate and its queue: never more inside than there is room, nobody forgotten, short and long take turns."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.base.errors import Unavailable
from appliance.gateway.routing.fair_queue import LONG, LONG_PROMPT_TOKENS, SHORT, FairQueue
from appliance.gateway.routing.gate import Gate, Ticket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def gate(*, capacity: int, longest: int = 100) -> Gate:
    return Gate(longest=longest, monotonic=Clock(), capacity=capacity)


Act = st.tuples(st.sampled_from(["ask", "leave", "grow", "shrink"]), st.booleans(), st.sampled_from("xyz"))


@given(st.lists(Act, max_size=80), st.integers(0, 4))
def test_whatever_happens_the_numbers_are_right(acts: list[tuple[str, bool, str]], capacity: int) -> None:
    door = asyncio.run(play(acts, capacity))
    assert (door.running, door.running_long, door.queued) == (0, 0, 0)


async def play(acts: list[tuple[str, bool, str]], capacity: int) -> Gate:
    door = gate(capacity=capacity, longest=5)
    held: list[Ticket] = []
    for kind, is_long, key in acts:
        inside_before = door.running
        if kind == "ask":
            refused: Unavailable | None = None
            try:
                held.append(door.ask(prompt_tokens=LONG_PROMPT_TOKENS if is_long else 1, key=key))
            except Unavailable as error:
                refused = error
            assert refused is None or (door.queued == 5 and (refused.retry_after_seconds or 0) >= 1)
        elif kind == "leave" and held:
            door.leave(held.pop(0 if is_long else -1))
        elif kind in ("grow", "shrink"):
            door.resize(max(0, door.capacity + (1 if kind == "grow" else -1)))
        assert door.running <= max(door.capacity, inside_before)
        assert door.running == sum(ticket.inside for ticket in held)
        assert door.queued == sum(not ticket.inside for ticket in held)
    for ticket in held:
        door.leave(ticket)
    return door


def test_long_prompts_leave_room_for_short_ones() -> None:
    async def run() -> None:
        door = gate(capacity=4)
        tickets = [door.ask(prompt_tokens=LONG_PROMPT_TOKENS, key="x") for _ in range(10)]
        assert sum(ticket.inside for ticket in tickets) == 3
        short = door.ask(prompt_tokens=1, key="y")
        assert short.inside

    asyncio.run(run())


def test_a_wait_ends_in_a_place_a_refusal_or_with_the_client() -> None:
    class Left(Exception):
        pass

    async def run() -> None:
        door = gate(capacity=1)
        first = door.ask(prompt_tokens=1, key="x")
        second, third, fourth = (door.ask(prompt_tokens=1, key="x") for _ in range(3))
        third.break_off(Left())
        with pytest.raises(Left):
            await door.wait(third, seconds=1)
        door.leave(third)
        with pytest.raises(Unavailable):
            await door.wait(fourth, seconds=0)
        door.leave(fourth)
        door.leave(first)
        await door.wait(second, seconds=1)
        door.leave(second)
        assert (door.running, door.queued) == (0, 0)

    asyncio.run(run())


def test_the_time_to_come_back_follows_the_rate_of_leaving() -> None:
    async def run() -> None:
        clock = Clock()
        door = Gate(longest=100, monotonic=clock, capacity=1)
        for _ in range(11):
            ticket = door.ask(prompt_tokens=1, key="x")
            clock.now += 2.0
            door.leave(ticket)
        door.ask(prompt_tokens=1, key="x")
        for _ in range(4):
            door.ask(prompt_tokens=1, key="x")
        assert 5 <= door.retry_after() <= 15

    asyncio.run(run())


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), min_size=1, max_size=60))
def test_all_that_is_pushed_is_popped_once(pushed: list[tuple[bool, str]]) -> None:
    queue: FairQueue[int] = FairQueue()
    for number, (is_long, key) in enumerate(pushed):
        queue.push(number, lane=LONG if is_long else SHORT, key=key)
    popped = [queue.pop(may_be_long=True) for _ in pushed]
    assert sorted(number for number in popped if number is not None) == list(range(len(pushed)))
    assert queue.pop(may_be_long=True) is None


def test_neither_size_starves_the_other_and_keys_take_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(100):
        queue.push(f"long-{number}", lane=LONG, key="greedy")
        queue.push(f"short-{number}", lane=SHORT, key="greedy")
    queue.push("other", lane=SHORT, key="modest")
    first = [str(queue.pop(may_be_long=True)) for _ in range(20)]
    sizes = Counter(name.split("-")[0] for name in first)
    assert sizes["long"] == 5
    assert "other" in first[:4]


def test_a_class_that_was_away_does_not_catch_up() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(50):
        queue.push(f"short-{number}", lane=SHORT, key="x")
    for _ in range(40):
        queue.pop(may_be_long=True)
    for number in range(20):
        queue.push(f"long-{number}", lane=LONG, key="x")
    following = [str(queue.pop(may_be_long=True)) for _ in range(8)]
    assert sum(name.startswith("long") for name in following) <= 3
