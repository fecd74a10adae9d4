"""`appliance up` from beginning to end: facts, the box on disk, the running stack, the model."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.base.box import read_box
from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.settings import Settings
from installer.first_question import chat_ready_step
from installer.runner import Progress, Timing, run_steps
from installer.services import Stack
from installer.setup.facts import read_facts
from installer.setup.plan import box_plan, stack_plan

LOCK_FILE = "up.lock"


@dataclass(frozen=True)
class Raised:
    """The stack that runs now, and the time of each phase."""

    stack: Stack
    timings: tuple[Timing, ...]

    @property
    def seconds(self) -> float:
        return sum(timing.seconds for timing in self.timings)


def bring_up(settings: Settings, *, progress: Progress) -> Raised:
    """Everything until the chat model answers. Resumable: a second run goes on from wherever this one ends."""
    home = settings.paths
    facts = read_facts(settings)
    with only_one_up(home):
        timings = run_steps(box_plan(facts), progress=progress)
        timings += run_steps(stack_plan(facts), progress=progress)
        stack = Stack(home, box=read_box(home), settings=settings, programs=facts.programs)
        timings += run_steps([chat_ready_step(stack)], progress=progress)
    return Raised(stack, timings=tuple(timings))


@contextmanager
def only_one_up(home: Home) -> Generator[None]:
    """One `up` or `down` at a time per home; raises SetupError where another is at work."""
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home.root / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise SetupError(
            f"Another `appliance up` or `down` is at work on {home.root}.", hint="Wait until it has finished."
        ) from error
    finally:
        os.close(descriptor)
