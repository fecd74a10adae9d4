"""Busy time between two looks, from figures made by hand."""

from collections.abc import Iterator

import pytest

from appliance.agent.processor_use import ProcessorUse, Ticks, read_ticks


def use_of(*ticks: Ticks) -> ProcessorUse:
    following: Iterator[Ticks] = iter(ticks)
    return ProcessorUse(lambda: next(following))


def test_the_first_look_knows_nothing_and_the_next_ones_the_time_between() -> None:
    use = use_of(Ticks(100, 90), Ticks(110, 95), Ticks(120, 105), Ticks(120, 105))
    assert use.since_last() is None
    assert use.since_last() == pytest.approx(0.5)
    assert use.since_last() == 0.0
    assert use.since_last() is None


def test_an_idle_counter_that_runs_backwards_is_no_more_than_busy() -> None:
    """The kernel warns that iowait may decrease (man 5 proc_stat)."""
    use = use_of(Ticks(100, 90), Ticks(101, 80))
    assert (use.since_last(), use.since_last()) == (None, 1.0)


def test_this_machine_can_be_read() -> None:
    ticks = read_ticks()
    assert 0 < ticks.idle < ticks.total
