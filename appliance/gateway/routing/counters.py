"""What routing did, as plain numbers for whoever exports them; they only rise while the process lives."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class RoutingCounters:
    """Keys: `requests` (route, target), `fallbacks` and `retries` and `no_budget` by route, `ejections` by replica or
    endpoint, `overloaded` by served model or endpoint, `shadows` and `shadows_dropped` by route.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    fallbacks: Counter[str] = field(default_factory=Counter[str])
    retries: Counter[str] = field(default_factory=Counter[str])
    no_budget: Counter[str] = field(default_factory=Counter[str])
    ejections: Counter[str] = field(default_factory=Counter[str])
    overloaded: Counter[str] = field(default_factory=Counter[str])
    shadows: Counter[str] = field(default_factory=Counter[str])
    shadows_dropped: Counter[str] = field(default_factory=Counter[str])
    prefix_hits: Counter[str] = field(default_factory=Counter[str])
