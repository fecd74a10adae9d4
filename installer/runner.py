"""Runs steps in order, shows what is going on, and keeps the time of each. The only place that executes a plan."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

from appliance.base import clock
from appliance.base.errors import SetupError
from installer.steps import Say, Step

DONE, KEPT = "[green]✓[/]", "[dim]·[/]"


@dataclass(frozen=True)
class Timing:
    """`changed` is False where the box was right already."""

    id: str
    title: str
    seconds: float
    changed: bool


class Progress(Protocol):
    """What is shown while a step runs, and after it."""

    def during(self, title: str) -> AbstractContextManager[Say]: ...

    def finished(self, timing: Timing) -> None: ...


def run_steps(steps: Sequence[Step], *, progress: Progress) -> list[Timing]:
    """Check, apply, check again; raises SetupError when a step did not bring about what it is for."""
    timings: list[Timing] = []
    for step in steps:
        began = clock.monotonic()
        with progress.during(step.title) as say:
            changed = not step.is_done()
            if changed:
                step.apply(say)
                if not step.is_done():
                    raise SetupError(
                        f"{step.title}: it was done, and is still not right.", hint="See `appliance doctor`."
                    )
        timing = Timing(step.id, step.title, seconds=clock.monotonic() - began, changed=changed)
        progress.finished(timing)
        timings.append(timing)
    return timings


class TerminalProgress:
    """A spinner with the current wait while a step runs, and one line with its time when it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def during(self, title: str) -> Generator[Say]:
        with self.console.status(title) as status:
            yield lambda detail: status.update(f"{title} [dim]({detail})[/]")

    def finished(self, timing: Timing) -> None:
        mark, seconds = (DONE, f"{timing.seconds:6.1f} s") if timing.changed else (KEPT, " right  ")
        self.console.print(f"{mark} {seconds}  {timing.title}", highlight=False)


class SilentProgress:
    """For `--json`: nothing but the document goes out."""

    @contextmanager
    def during(self, title: str) -> Generator[Say]:  # noqa: ARG002  the seam's signature
        yield lambda detail: None  # noqa: ARG005

    def finished(self, timing: Timing) -> None:
        pass
