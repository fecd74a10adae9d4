"""Check, apply, check again: what the runner does with steps."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from appliance.base.errors import SetupError
from installer.runner import Timing, run_steps
from installer.steps import Say, Step


class Recorded:
    """A progress display that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.timings: list[Timing] = []

    @contextmanager
    def during(self, title: str) -> Generator[Say]:
        self.said.append(title)
        yield self.said.append

    def finished(self, timing: Timing) -> None:
        self.timings.append(timing)


class Lamp:
    """Something that a step can bring about."""

    def __init__(self, *, on: bool = False, broken: bool = False) -> None:
        self.on = on
        self.broken = broken
        self.applied = 0

    def step(self, name: str = "lamp") -> Step:
        return Step(name, f"The {name}", is_done=lambda: self.on, apply=self.apply)

    def apply(self, say: Say) -> None:
        say("switching on")
        self.applied += 1
        self.on = not self.broken


def test_what_is_right_is_left_alone() -> None:
    lamp, progress = Lamp(on=True), Recorded()
    timings = run_steps([lamp.step()], progress=progress)
    assert lamp.applied == 0
    assert [timing.changed for timing in timings] == [False]


def test_what_is_missing_is_made_once_and_said() -> None:
    lamp, progress = Lamp(), Recorded()
    run_steps([lamp.step()], progress=progress)
    run_steps([lamp.step()], progress=progress)
    assert lamp.applied == 1
    assert progress.said[:2] == ["The lamp", "switching on"]
    assert [timing.changed for timing in progress.timings] == [True, False]


def test_a_step_that_does_not_bring_it_about_stops_the_plan() -> None:
    after = Lamp()
    with pytest.raises(SetupError, match="still not right"):
        run_steps([Lamp(broken=True).step(), after.step("next")], progress=Recorded())
    assert after.applied == 0
