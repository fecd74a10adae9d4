"""Two appliances on one machine, each in a home of its own, do not meet; an `up` broken off is gone on with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.base.box import read_box
from appliance.base.paths import Home
from tests.fixtures.stack import APPLIANCE, TEST_ROOT, RunningStack, remove, stack_environment, start_stack
from tests.fixtures.terminal import CTRL_C, at_a_terminal

STOPPED_BY_USER = 130


@pytest.fixture
def second_home(stack: RunningStack) -> Iterator[Path]:  # noqa: ARG001  the first one runs beside it
    home = TEST_ROOT / "home-second"
    shutil.rmtree(home, ignore_errors=True)
    yield home
    remove(RunningStack(Home(home), stack_environment(home)))


def test_a_second_home_runs_beside_the_first(stack: RunningStack, second_home: Path) -> None:
    stack.wait_green("before")
    pids = {marked.process.pid for marked in stack.marked()}
    environ = stack_environment(second_home)
    with at_a_terminal([str(APPLIANCE), "up"], environ=environ) as terminal:
        terminal.expect("Start postgres", seconds=60)
        terminal.type(CTRL_C)
        assert terminal.wait(seconds=60) == STOPPED_BY_USER
        terminal.expect("`appliance up` continues from here")

    second = start_stack(second_home)
    assert second.answers()
    assert stack.answers()
    ours, theirs = (read_box(one.home).ports.model_dump() for one in (stack, second))
    assert not set(ours.values()) & set(theirs.values())
    assert not second.knows(stack.first_key)
    assert not stack.knows(second.first_key)

    assert second.run("down").returncode == 0
    assert stack.is_green()
    assert pids <= {marked.process.pid for marked in stack.marked()}
