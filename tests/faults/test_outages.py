"""PostgreSQL, Redis or the control plane stopped: existing keys go on being served, and usage arrives later."""

import os
import signal

import pytest

from installer.supervision.client import Supervisor
from tests.fixtures.stack import CHAT, RunningStack
from tests.fixtures.waiting import wait_until

OUTAGES = [("postgres",), ("redis",), ("api", "reconciler", "worker", "agent"), ("postgres", "redis", "api")]


def chat(stack: RunningStack, key: str) -> int:
    answer = stack.client(key).chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "Hello"}], max_tokens=4
    )
    assert answer.usage is not None
    return answer.usage.total_tokens


@pytest.mark.parametrize("stopped", OUTAGES, ids="+".join)
def test_inference_goes_on(stack: RunningStack, stopped: tuple[str, ...]) -> None:
    stack.wait_green("before the outage")
    key = stack.new_key(f"outage of {' and '.join(stopped)}")
    wait_until(lambda: stack.answers(key.secret), seconds=10, what="the new key works")
    supervisor = Supervisor(stack.home)
    supervisor.stop(stopped)
    try:
        tokens = [chat(stack, key.secret) for _ in range(5)]
    finally:
        for service in stopped:
            supervisor.start(service)
    assert all(tokens)
    stack.wait_green("after the outage")
    wait_until(lambda: stack.usage(key.id)["requests"] == 6, seconds=60, what="usage arrived, once")


def test_a_gateway_restarted_without_redis_still_serves(stack: RunningStack) -> None:
    stack.wait_green("before the outage")
    supervisor = Supervisor(stack.home)
    supervisor.stop(["redis"])
    try:
        old = stack.pid_of("gateway")
        os.kill(old, signal.SIGKILL)
        wait_until(stack.answers, seconds=20, what="the new gateway serves from its snapshot")
        assert stack.pid_of("gateway") != old
    finally:
        supervisor.start("redis")
    stack.wait_green("again")
