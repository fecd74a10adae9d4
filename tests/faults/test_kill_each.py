"""`kill -9` of each process in turn: it comes back by itself within a stated bound, and nothing is lost or doubled.

The bounds stand in docs/operations/faults.md. Clients go on asking meanwhile: each is answered or refused cleanly.
"""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import pytest
from openai import APIConnectionError, APIStatusError

from tests.fixtures.stack import CHAT, NewKey, RunningStack
from tests.fixtures.waiting import wait_until

BOUND_SECONDS = {
    "gateway": 20,
    "frontdoor": 20,
    "api": 30,
    "reconciler": 30,
    "worker": 30,
    "agent": 20,
    "redis": 30,
    "postgres": 40,
    "engine": 240,
    "replica": 240,
    "ray": 420,
}


@dataclass
class Visitor:
    """A client that asks again and again until told to stop, and remembers what came back."""

    answered: int = 0
    refusals: list[str] = field(default_factory=list[str])

    def ask(self, stack: RunningStack, key: NewKey, stop: threading.Event) -> None:
        client = stack.client(key.secret)
        while not stop.wait(0.5):
            try:
                client.chat.completions.create(
                    model=CHAT, messages=[{"role": "user", "content": "Hello"}], max_tokens=4
                )
                self.answered += 1
            except APIStatusError as error:
                self.refusals.append(f"{error.status_code} {error.code}")
            except APIConnectionError:
                self.refusals.append("connection")


@contextmanager
def visited(stack: RunningStack, key: NewKey) -> Generator[Visitor]:
    visitor, stop = Visitor(), threading.Event()
    thread = threading.Thread(target=visitor.ask, args=(stack, key, stop))
    thread.start()
    try:
        yield visitor
    finally:
        stop.set()
        thread.join(timeout=90)


def chat_replica(stack: RunningStack) -> dict[str, int]:
    """The engine's and the replica's process ids of the chat model."""
    with stack.admin() as admin:
        served = admin.get(f"/served-models/{CHAT}")
    engine = int(served["replicas"][0]["engine_pid"])
    return {"engine": engine, "replica": psutil.Process(engine).ppid()}


def pid_of(stack: RunningStack, victim: str) -> int:
    return chat_replica(stack)[victim] if victim in {"engine", "replica"} else stack.pid_of(victim)


def dies_with(stack: RunningStack, victim: str) -> set[int]:
    """All that ends with the victim: it is back only when none of these is left and others do their work."""
    return {pid_of(stack, victim), *(engines(stack) if victim == "ray" else ())}


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_back(stack: RunningStack, ended: set[int]) -> bool:
    return not any(runs(pid) for pid in ended) and stack.answers() and stack.is_green() and stack.embeds()


def engines(stack: RunningStack) -> list[int]:
    """First processes of engines: those whose parent is no engine."""
    pids = {marked.process.pid: marked.process for marked in stack.marked() if marked.is_engine}
    return [pid for pid, process in pids.items() if process.ppid() not in pids]


def one_engine_per_model(stack: RunningStack) -> bool:
    try:
        return len(engines(stack)) == 2
    except psutil.NoSuchProcess:
        return False


def holds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3, 4, 5))])
@pytest.mark.parametrize("victim", list(BOUND_SECONDS))
def test_it_comes_back_and_nothing_is_lost(
    stack: RunningStack, victim: str, number: int, record_property: Callable[[str, object], None]
) -> None:
    stack.wait_green("before the fault")
    key = stack.new_key(f"visits during {victim} {number}")
    wait_until(lambda: stack.answers(key.secret), seconds=10, what="the new key works")
    pid, ended = pid_of(stack, victim), dies_with(stack, victim)
    bound = BOUND_SECONDS[victim]
    with visited(stack, key) as visitor:
        wait_until(lambda: visitor.answered > 2, seconds=30, what="requests before the fault")
        os.kill(pid, signal.SIGKILL)
        took = wait_until(lambda: is_back(stack, ended), seconds=bound, what=f"{victim} is back", every=1.0)
        before = visitor.answered
        wait_until(lambda: visitor.answered > before + 2, seconds=30, what="requests after the fault")
    record_property("back after seconds", round(took, 1))

    assert not [refusal for refusal in visitor.refusals if refusal.startswith(("500", "400", "401", "404"))]
    if victim in {"redis", "postgres", "api", "reconciler", "worker", "agent"}:
        assert not visitor.refusals, "inference does not depend on this process"
    wait_until(lambda: holds(lambda: one_engine_per_model(stack)), seconds=60, what="one engine per model, no stray")
    wait_until(lambda: settled(stack, key, visitor.answered + 1), seconds=60, what="usage is counted once")


def settled(stack: RunningStack, key: NewKey, answered: int) -> bool:
    """Every answered request is in the ledger; beyond them only those that were cut off, each once."""
    counted = stack.usage(key.id)
    return answered <= counted["requests"] - counted["failed_requests"] <= answered + 2


def test_the_supervisor_is_killed_and_up_mends_it(stack: RunningStack) -> None:
    supervisor = psutil.Process(stack.pid_of("gateway")).ppid()
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(supervisor), seconds=10, what="the supervisor is gone")
    done = stack.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    stack.wait_green("again")
    wait_until(lambda: stack.answers() and stack.embeds(), seconds=30, what="both models answer")
    wait_until(lambda: holds(lambda: one_engine_per_model(stack)), seconds=30, what="no stray engine")
    assert len(stack.marked("gateway")) == 1
