"""The spool on disk: whole lines only, rolled by size, refusing when full and catching up after."""

import json
import resource
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.agent.spool_reader import SpoolFolder
from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from appliance.base.errors import Insufficient
from appliance.gateway.usage_spool import UsageSpool

GATEWAY = "a" * 32


def start(number: int) -> UsageStart:
    return UsageStart(
        request_id=f"req-{number}", key_id="key", project_id="proj", served_model_id="srv", version_id="ver", model="m",
        endpoint="/v1/chat/completions", started_at=1.0, reserved_prompt_tokens=3, reserved_completion_tokens=4,
    )  # fmt: skip


def end(number: int) -> UsageEnd:
    return UsageEnd(
        request_id=f"req-{number}", ended_at=2.0, status=200, outcome="completed", prompt_tokens=1, completion_tokens=2
    )


def lines(folder: Path) -> list[str]:
    return [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


@contextmanager
def disk_full_at(size: int) -> Generator[None]:
    """No file of this process may grow past `size`: a write gives a part, or an error, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_records_are_lines_in_order(tmp_path: Path) -> None:
    spool = UsageSpool(tmp_path, gateway_id=GATEWAY)
    spool.start(start(1))
    spool.end(end(1))
    spool.sync()
    spool.close()
    assert [json.loads(line)["record"] for line in lines(tmp_path)] == ["start", "end"]


def test_it_rolls_by_size(tmp_path: Path) -> None:
    spool = UsageSpool(tmp_path, gateway_id=GATEWAY, roll_bytes=500)
    for number in range(6):
        spool.start(start(number))
    assert SpoolFolder(tmp_path).gateways() == {GATEWAY: [1, 2, 3]}
    assert len(lines(tmp_path)) == 6
    spool.close()


def test_a_full_disk_refuses_starts_keeps_ends_and_recovers(tmp_path: Path) -> None:
    spool = UsageSpool(tmp_path, gateway_id=GATEWAY)
    spool.start(start(1))
    with disk_full_at((tmp_path / f"usage-{GATEWAY}-000001.jsonl").stat().st_size + 50):
        with pytest.raises(Insufficient):
            spool.start(start(2))
        spool.end(end(1))
        assert spool.waiting == 1
    assert len(lines(tmp_path)) == 1
    spool.start(start(3))
    assert [json.loads(line)["request_id"] for line in lines(tmp_path)] == ["req-1", "req-1", "req-3"]
    assert spool.waiting == 0
    spool.close()


def test_the_lock_says_that_the_gateway_lives(tmp_path: Path) -> None:
    spool = UsageSpool(tmp_path, gateway_id=GATEWAY)
    assert SpoolFolder(tmp_path).is_alive(GATEWAY)
    spool.close()
    assert not SpoolFolder(tmp_path).is_alive(GATEWAY)
    assert not SpoolFolder(tmp_path).is_alive("b" * 32)
