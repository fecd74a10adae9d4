"""How many replicas a load asks for: up at once, down only after a while, to zero only when nobody came. Pure.

Like Kubernetes' HorizontalPodAutoscaler with its scale-down window: the highest number that was asked for within the
window holds, so a dip does not stop what is needed again a moment later.
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#stabilization-window
"""

from collections import deque
from dataclasses import dataclass, field

DOWN_SECONDS = 60.0


@dataclass(frozen=True)
class Bounds:
    min_replicas: int
    max_replicas: int
    target_per_replica: int
    idle_seconds: float


@dataclass(frozen=True)
class Demand:
    """The sum over all gateways. `requests` are those in flight and waiting; `is_called`: somebody woke it just now."""

    requests: int
    arrivals_per_second: float = 0.0
    is_called: bool = False

    @property
    def is_idle(self) -> bool:
        return self.requests == 0 and self.arrivals_per_second == 0 and not self.is_called


@dataclass
class Memory:
    """What was asked for lately, by monotonic seconds, and when the model was last in use."""

    asked: "deque[tuple[float, int]]" = field(default_factory=deque[tuple[float, int]])
    used_at: float | None = None


def decide(demand: Demand | None, *, current: int, bounds: Bounds, memory: Memory, now: float) -> int:
    """Replicas to want from now on. None as demand is unknown: nothing changes but into the bounds."""
    if demand is None:
        memory.used_at = now if memory.used_at is None else memory.used_at
        return clamp(current, bounds)
    if memory.used_at is None or not demand.is_idle:
        memory.used_at = now
    asked = wanted_of(demand, bounds=bounds)
    while memory.asked and now - memory.asked[0][0] > DOWN_SECONDS:
        memory.asked.popleft()
    memory.asked.append((now, asked))
    if asked >= current:
        return asked
    if asked == 0:
        idle = now - memory.used_at >= bounds.idle_seconds
        return 0 if idle else clamp(max(1, highest(memory)), bounds)
    return min(current, highest(memory))


def wanted_of(demand: Demand, *, bounds: Bounds) -> int:
    needed = -(-demand.requests // bounds.target_per_replica)
    if needed == 0 and not demand.is_idle:
        needed = 1
    return clamp(needed, bounds)


def highest(memory: Memory) -> int:
    return max(asked for _, asked in memory.asked)


def clamp(replicas: int, bounds: Bounds) -> int:
    return min(max(replicas, bounds.min_replicas), bounds.max_replicas)
