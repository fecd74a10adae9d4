"""Ships the usage spool to the control plane: at least once, in order, and counted once because the intake is
idempotent.

The cursor moves only after an acknowledgement. A gateway process that is gone leaves requests without an end: each
gets one, `broken_off`, with what was reserved for it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic_core import to_json

from appliance.agent.cursor import Cursor, Progress, load_cursor, save_cursor
from appliance.agent.spool_reader import SpoolFolder
from appliance.base.clock import unix_time
from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from appliance.base.logs import get_logger

MOST_RECORDS = 500
EVENTS_PATH = "/api/v1/usage/events"
NO_ANSWER = 499

Send = Callable[[bytes], Awaitable[dict[str, Any]]]

log = get_logger(__name__)


class UsageShipper:
    """`send` posts one batch and raises when it was not acknowledged; `step` is one round over all gateways."""

    def __init__(self, spool: SpoolFolder, *, send: Send) -> None:
        self._spool = spool
        self._send = send
        self._cursor: Cursor = load_cursor(spool.folder)

    async def step(self) -> int:
        """Ship all that is there; returns the number of records. Raises what `send` raises, losing nothing."""
        shipped = 0
        for gateway, sequences in self._spool.gateways().items():
            shipped += await self._ship_gateway(gateway, sequences)
        self._forget_gone()
        return shipped

    def backlog_bytes(self) -> int:
        positions = {name: (one.sequence, one.offset) for name, one in self._cursor.gateways.items()}
        return self._spool.unshipped_bytes(positions)

    async def _ship_gateway(self, gateway: str, sequences: list[int]) -> int:
        is_alive = self._spool.is_alive(gateway)  # asked before reading: a dead one writes nothing after this
        progress = self._cursor.gateways.setdefault(gateway, Progress(sequence=sequences[0]))
        shipped = 0
        for sequence in sequences:
            if sequence >= progress.sequence:
                shipped += await self._ship_file(gateway, progress, sequence)
            if sequence < sequences[-1]:
                self._spool.remove(gateway, sequence=sequence)
        if not is_alive:
            shipped += await self._close(gateway, progress)
            self._spool.remove(gateway, sequence=sequences[-1])
            self._spool.remove_lock(gateway)
        return shipped

    async def _ship_file(self, gateway: str, progress: Progress, sequence: int) -> int:
        if sequence > progress.sequence:
            progress.sequence, progress.offset = sequence, 0
        shipped = 0
        while True:
            batch = self._spool.read(gateway, sequence=sequence, offset=progress.offset, most=MOST_RECORDS)
            if batch.records:
                await self._post(batch.records)
                shipped += len(batch.records)
            if batch.offset != progress.offset:
                progress.note(batch.records)
                progress.offset = batch.offset
                save_cursor(self._spool.folder, cursor=self._cursor)
            if batch.is_end:
                return shipped

    async def _close(self, gateway: str, progress: Progress) -> int:
        """End what a dead gateway left running."""
        ends: list[UsageStart | UsageEnd] = [
            UsageEnd(
                request_id=request_id,
                ended_at=unix_time(),
                status=NO_ANSWER,
                outcome="broken_off",
                prompt_tokens=reserved.prompt_tokens,
                completion_tokens=reserved.completion_tokens,
                estimated=True,
            )
            for request_id, reserved in progress.running.items()
        ]
        for first in range(0, len(ends), MOST_RECORDS):
            await self._post(ends[first : first + MOST_RECORDS])
        if ends:
            log.warning("usage_of_dead_gateway_closed", gateway=gateway, requests=len(ends))
            progress.note(ends)
            save_cursor(self._spool.folder, cursor=self._cursor)
        return len(ends)

    async def _post(self, records: list[UsageStart | UsageEnd]) -> None:
        answer = await self._send(to_json({"records": records}))
        for refused in answer.get("rejected", []):
            log.error("usage_record_refused", request_id=refused.get("request_id"), reason=refused.get("reason"))

    def _forget_gone(self) -> None:
        """Drop cursors and locks that dead gateways left without any file."""
        present = self._spool.gateways()
        for gateway in self._spool.locks():
            if gateway not in present and not self._spool.is_alive(gateway):
                self._spool.remove_lock(gateway)
        gone = [gateway for gateway in self._cursor.gateways if gateway not in present]
        for gateway in gone:
            del self._cursor.gateways[gateway]
        if gone:
            save_cursor(self._spool.folder, cursor=self._cursor)
