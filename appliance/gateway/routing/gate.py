"""The door to one served model: as many requests inside as its replicas can work on, the others in a fair queue.

What is inside keeps its latency, because the engine is never given more than it computes at once. What does not fit
into the queue, or waits too long, gets 503 with the time after which a place is likely.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.base.errors import Unavailable
from appliance.gateway.routing.fair_queue import LONG, FairQueue, size_class

LONG_SHARE = 0.75
"""Of the places, at most, for long prompts: they stay long, and a short one must find a place when it comes."""
LEAST_RETRY_SECONDS = 1.0
MOST_RETRY_SECONDS = 60.0
UNKNOWN_RETRY_SECONDS = 5.0
MEASURED_LEAVINGS = 64


@dataclass(eq=False)
class Ticket:
    """A place, taken or waited for. `granted` is set while it waits."""

    lane: str
    key: str
    granted: "asyncio.Future[None] | None" = None
    inside: bool = False

    def break_off(self, reason: Exception) -> None:
        """Whoever waits for it gets `reason`."""
        if self.granted is not None and not self.granted.done():
            self.granted.set_exception(reason)


@dataclass(eq=False)
class Gate:
    """`capacity` is this gateway's; 0 lets nobody in. `longest` is how many may wait; `on_queue` is called before
    somebody has to.
    """

    longest: int
    monotonic: Callable[[], float]
    capacity: int = 0
    running: int = 0
    running_long: int = 0
    on_queue: Callable[[], object] | None = None
    arrived: int = 0
    refused: int = 0
    _queue: FairQueue[Ticket] = field(default_factory=FairQueue[Ticket])
    _left: deque[float] = field(default_factory=lambda: deque(maxlen=MEASURED_LEAVINGS))

    @property
    def queued(self) -> int:
        return len(self._queue)

    def ask(self, *, prompt_tokens: int, key: str, may_wait: bool = True) -> Ticket:
        """A place inside or in the queue; raises Unavailable where that is full. Give it back by `leave`."""
        self.arrived += 1
        ticket = Ticket(size_class(prompt_tokens), key)
        if not self.queued and self._has_room(is_long=ticket.lane == LONG):
            self._let_in(ticket)
            return ticket
        if not may_wait or self.queued >= self.longest:
            raise self._overloaded("The queue of this model is full.")
        if self.on_queue is not None:
            self.on_queue()
        ticket.granted = asyncio.get_running_loop().create_future()
        self._queue.push(ticket, lane=ticket.lane, key=key)
        self.pump()
        return ticket

    async def wait(self, ticket: Ticket, *, seconds: float) -> None:
        """Until it is inside; raises Unavailable where that takes too long, and what `break_off` was given."""
        if ticket.granted is None or ticket.inside:
            return
        try:
            async with asyncio.timeout(seconds):
                await ticket.granted
        except TimeoutError as error:
            if not ticket.inside:
                raise self._overloaded("No place for this request became free in time.") from error

    def leave(self, ticket: Ticket) -> None:
        """Out of the queue or out of the door."""
        if not ticket.inside:
            self._queue.remove(ticket, lane=ticket.lane, key=ticket.key)
            return
        ticket.inside = False
        self.running -= 1
        self.running_long -= ticket.lane == LONG
        self._left.append(self.monotonic())
        self.pump()

    def resize(self, capacity: int) -> None:
        if capacity != self.capacity:
            self.capacity = capacity
            self.pump()

    def pump(self) -> None:
        """Let in whom there is room for."""
        while self.queued and self.running < self.capacity:
            ticket = self._queue.pop(may_be_long=self._has_room(is_long=True))
            if ticket is None:
                return
            if ticket.granted is None or ticket.granted.done():
                continue
            self._let_in(ticket)
            ticket.granted.set_result(None)

    def retry_after(self) -> float:
        """Seconds until the queue as it is now will have drained, by the rate at which places became free."""
        if len(self._left) < 2:
            return UNKNOWN_RETRY_SECONDS
        span = self.monotonic() - self._left[0]
        seconds = (self.queued + 1) * span / len(self._left)
        return min(MOST_RETRY_SECONDS, max(LEAST_RETRY_SECONDS, seconds))

    def _has_room(self, *, is_long: bool) -> bool:
        if self.running >= self.capacity:
            return False
        return not is_long or self.running_long < max(1, int(self.capacity * LONG_SHARE))

    def _let_in(self, ticket: Ticket) -> None:
        ticket.inside = True
        self.running += 1
        self.running_long += ticket.lane == LONG

    def _overloaded(self, message: str) -> Unavailable:
        self.refused += 1
        return Unavailable(message, hint="Try again soon.", code="overloaded", retry_after_seconds=self.retry_after())
