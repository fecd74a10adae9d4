import threading
from dataclasses import dataclass, field

from appliance.base.errors import Unavailable
from control_plane.reconcilers.domain import LONGEST_WAIT_SECONDS, wait_seconds
from control_plane.reconcilers.loop import ReconcilerLoop, describe
from control_plane.reconcilers.status import Outcome


@dataclass
class Counting:
    """Fails the first `failures` times; sets `done` after `turns` turns."""

    turns: int
    failures: int = 0
    interval_seconds: float = 0.001
    name: str = "counting"
    ran: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        self.ran += 1
        if self.ran >= self.turns:
            self.done.set()
        if self.ran <= self.failures:
            raise Unavailable("The cluster is away.", hint="Wait.")
        return 7


@dataclass
class Remembered:
    outcomes: list[Outcome] = field(default_factory=list[Outcome])

    def record(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def run_loop(reconciler: Counting, *, led: bool = True) -> list[Outcome]:
    status, leads, stop = Remembered(), threading.Event(), threading.Event()
    if led:
        leads.set()
    loop = ReconcilerLoop(reconciler, record=status.record, led=leads, stop=stop)
    loop.start()
    if led:
        assert reconciler.done.wait(10)
    stop.set()
    loop.wake()
    loop.join(10)
    assert not loop.is_alive()
    return status.outcomes


def test_a_failure_is_recorded_and_the_next_turn_comes() -> None:
    outcomes = run_loop(Counting(turns=3, failures=2))
    assert [outcome.error for outcome in outcomes[:2]] == ["The cluster is away. Wait."] * 2
    assert (outcomes[2].error, outcomes[2].backlog) == (None, 7)


def test_nothing_runs_without_leadership() -> None:
    assert run_loop(Counting(turns=1), led=False) == []


def test_a_nudge_cuts_the_wait_short() -> None:
    reconciler = Counting(turns=2, interval_seconds=600.0)
    leads, stop = threading.Event(), threading.Event()
    leads.set()
    loop = ReconcilerLoop(reconciler, record=Remembered().record, led=leads, stop=stop)
    loop.wake()
    loop.start()
    assert reconciler.done.wait(10)
    stop.set()
    loop.wake()
    loop.join(10)


def test_the_wait_after_failures_is_doubled_and_bounded() -> None:
    assert wait_seconds(1.0, failures=0) == 1.0
    assert wait_seconds(1.0, failures=3) == 8.0
    assert wait_seconds(1.0, failures=50) == LONGEST_WAIT_SECONDS
    assert wait_seconds(3600.0, failures=5) == 3600.0


def test_an_unknown_error_is_named_by_its_first_line() -> None:
    assert describe(ValueError("first\nsecond")) == "ValueError: first"
    assert len(describe(ValueError("x" * 5000))) == 1000
