"""Who is next: short and long prompts take turns, and so do the keys within each. Pure.

Start-time fair queuing between the classes (Goyal, Vin and Cheng, SIGCOMM 1996): each class has a virtual time that a
served request moves on by 1 / its weight, and the class that is furthest behind is next. So long prompts always get
their share, and a flood of them cannot hold up the short ones. Within a class the keys take turns.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

LONG_PROMPT_TOKENS = 4096
SHORT, LONG = "short", "long"
WEIGHTS = {SHORT: 3.0, LONG: 1.0}


def size_class(prompt_tokens: int) -> str:
    return LONG if prompt_tokens >= LONG_PROMPT_TOKENS else SHORT


@dataclass
class Lane(Generic[T]):
    """The waiting requests of one class, by key."""

    weight: float
    virtual_time: float = 0.0
    keys: "OrderedDict[str, deque[T]]" = field(default_factory=OrderedDict)  # pyright: ignore[reportUnknownVariableType]

    def push(self, item: T, *, key: str) -> None:
        self.keys.setdefault(key, deque()).append(item)

    def pop(self) -> T:
        key, waiting = next(iter(self.keys.items()))
        item = waiting.popleft()
        del self.keys[key]
        if waiting:
            self.keys[key] = waiting
        return item


class FairQueue(Generic[T]):
    """`push`, `pop`, `remove`; `pop` may be told to leave the long ones where they are."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane[T]] = {name: Lane(weight) for name, weight in WEIGHTS.items()}
        self._now = 0.0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, item: T, *, lane: str, key: str) -> None:
        into = self._lanes[lane]
        if not into.keys:
            into.virtual_time = max(into.virtual_time, self._now)
        into.push(item, key=key)
        self._length += 1

    def pop(self, *, may_be_long: bool) -> T | None:
        lanes = [
            (lane.virtual_time, name)
            for name, lane in self._lanes.items()
            if lane.keys and (may_be_long or name != LONG)
        ]
        if not lanes:
            return None
        lane = self._lanes[min(lanes)[1]]
        self._now = lane.virtual_time
        lane.virtual_time += 1.0 / lane.weight
        self._length -= 1
        return lane.pop()

    def remove(self, item: T, *, lane: str, key: str) -> bool:
        """False where it does not wait (any more)."""
        keys = self._lanes[lane].keys
        waiting = keys.get(key)
        if waiting is None or item not in waiting:
            return False
        waiting.remove(item)
        if not waiting:
            del keys[key]
        self._length -= 1
        return True
