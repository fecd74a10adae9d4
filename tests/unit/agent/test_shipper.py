"""The shipper: at least once, in order, the cursor only after an acknowledgement, and dead gateways closed once."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent.cursor import CURSOR_FILE, Cursor, load_cursor, save_cursor
from appliance.agent.shipper import MOST_RECORDS, UsageShipper
from appliance.agent.spool_reader import SpoolFolder
from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from appliance.base.errors import NewerFormat, SetupError, Unavailable
from appliance.gateway.usage_spool import UsageSpool

GATEWAY = "a" * 32


class Intake:
    """Takes batches; fails the next ones as told, before or after having taken them."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.fail_before = 0
        self.fail_after = 0

    async def send(self, batch: bytes) -> dict[str, Any]:
        if self.fail_before:
            self.fail_before -= 1
            raise Unavailable("away")
        self.batches.append(json.loads(batch)["records"])
        if self.fail_after:
            self.fail_after -= 1
            raise Unavailable("the answer was lost")
        return {"rejected": []}

    @property
    def records(self) -> list[tuple[str, str]]:
        return [(record["record"], record["request_id"]) for batch in self.batches for record in batch]


def start(number: int) -> UsageStart:
    return UsageStart(
        request_id=f"req-{number}", key_id="key", project_id="proj", served_model_id="srv", version_id="ver", model="m",
        endpoint="/v1/chat/completions", started_at=1.0, reserved_prompt_tokens=3, reserved_completion_tokens=4,
    )  # fmt: skip


def end(number: int) -> UsageEnd:
    return UsageEnd(
        request_id=f"req-{number}", ended_at=2.0, status=200, outcome="completed", prompt_tokens=1, completion_tokens=2
    )


def shipper(folder: Path, intake: Intake) -> UsageShipper:
    return UsageShipper(SpoolFolder(folder), send=intake.send)


async def test_all_arrives_in_order_in_batches_and_once(tmp_path: Path) -> None:
    spool, intake = UsageSpool(tmp_path, gateway_id=GATEWAY, roll_bytes=20_000), Intake()
    for number in range(MOST_RECORDS):
        spool.start(start(number))
        spool.end(end(number))
    one = shipper(tmp_path, intake)
    assert await one.step() == MOST_RECORDS * 2
    assert await one.step() == 0
    assert await shipper(tmp_path, intake).step() == 0
    assert intake.records == [(kind, f"req-{n}") for n in range(MOST_RECORDS) for kind in ("start", "end")]
    assert max(len(batch) for batch in intake.batches) <= MOST_RECORDS
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    assert one.backlog_bytes() == 0
    spool.close()


async def test_a_refused_batch_is_sent_again(tmp_path: Path) -> None:
    spool, intake = UsageSpool(tmp_path, gateway_id=GATEWAY), Intake()
    spool.start(start(1))
    intake.fail_before = 1
    one = shipper(tmp_path, intake)
    with pytest.raises(Unavailable):
        await one.step()
    assert one.backlog_bytes() > 0
    assert await one.step() == 1
    assert intake.records == [("start", "req-1")]
    spool.close()


async def test_a_dead_gateways_open_requests_are_closed_with_what_was_reserved(tmp_path: Path) -> None:
    spool, intake = UsageSpool(tmp_path, gateway_id=GATEWAY), Intake()
    spool.start(start(1))
    spool.start(start(2))
    spool.end(end(1))
    one = shipper(tmp_path, intake)
    await one.step()
    spool.close()
    with next(tmp_path.glob("*.jsonl")).open("ab") as file:
        file.write(b'{"record":"start","request_id":"torn')
    assert await shipper(tmp_path, intake).step() == 1
    last = intake.batches[-1][0]
    assert (last["request_id"], last["outcome"], last["status"], last["estimated"]) == (
        "req-2",
        "broken_off",
        499,
        True,
    )
    assert (last["prompt_tokens"], last["completion_tokens"]) == (3, 4)
    assert [path.name for path in tmp_path.iterdir()] == [CURSOR_FILE]
    assert load_cursor(tmp_path).gateways == {}


async def test_a_damaged_line_does_not_stop_the_rest(tmp_path: Path) -> None:
    spool, intake = UsageSpool(tmp_path, gateway_id=GATEWAY), Intake()
    spool.start(start(1))
    with next(tmp_path.glob("*.jsonl")).open("ab") as file:
        file.write(b"\x00\x00 not a record\n")
    spool.end(end(1))
    await shipper(tmp_path, intake).step()
    assert intake.records == [("start", "req-1"), ("end", "req-1")]
    spool.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["start", "end", "ship", "refuse", "lose", "restart", "die"]), max_size=25))
async def test_whatever_happens_every_request_ends_exactly_one_way(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    folder, intake, running, number = tmp_path_factory.mktemp("spool"), Intake(), list[int](), 0
    generation = 0
    spool = UsageSpool(folder, gateway_id=f"{generation:032x}", roll_bytes=700)
    one = shipper(folder, intake)
    for act in acts:
        if act == "start":
            number += 1
            running.append(number)
            spool.start(start(number))
        elif act == "end" and running:
            spool.end(end(running.pop()))
        elif act == "die":
            spool.close()
            running.clear()
            generation += 1
            spool = UsageSpool(folder, gateway_id=f"{generation:032x}", roll_bytes=700)
        elif act == "restart":
            one = shipper(folder, intake)
        elif act in {"ship", "refuse", "lose"}:
            intake.fail_before, intake.fail_after = int(act == "refuse"), int(act == "lose")
            await step_or_fail(one)
    intake.fail_before = intake.fail_after = 0
    spool.close()
    await one.step()
    outcomes: dict[str, set[str]] = {}
    for record in (record for batch in intake.batches for record in batch):
        outcomes.setdefault(record["request_id"], set()).add(record.get("outcome", "start"))
    assert len(outcomes) == number
    assert all(len(seen) == 2 for seen in outcomes.values())
    assert not list(folder.glob("usage-*"))


async def step_or_fail(one: UsageShipper) -> None:
    try:
        await one.step()
    except Unavailable:
        return


def test_a_cursor_of_a_newer_version_or_damaged_is_refused(tmp_path: Path) -> None:
    save_cursor(tmp_path, cursor=Cursor(format=99))
    with pytest.raises(NewerFormat):
        load_cursor(tmp_path)
    (tmp_path / CURSOR_FILE).write_text("{")
    with pytest.raises(SetupError):
        load_cursor(tmp_path)
