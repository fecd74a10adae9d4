"""The plan: what holds stays, every model gets its first replica, then the further ones; the largest go first.

Bin packing is not solved to the optimum: nothing that runs is moved to make room, and a large model that came late may
stay out although another order would have fitted it in. What is left out says why.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

from appliance.placement.demands import Demand
from appliance.placement.fleet import Fleet
from appliance.placement.keeping import Keeping
from appliance.placement.needs import Candidates
from appliance.placement.nodes import Claim, NodeView
from appliance.placement.obstacles import Obstacles
from appliance.placement.placing import Placing
from appliance.placement.plans import Assignment, Displaced, Missing, Plan
from appliance.placement.reasons import Reason


def plan(
    nodes: Iterable[NodeView],
    *,
    demands: Sequence[Demand],
    claims: Iterable[Claim] = (),
    existing: Iterable[Assignment] = (),
    displaced_run_on: bool = False,
) -> Plan:
    """Assigns every demand's replicas. `existing`: where the demands' replicas are now; `claims`: what all others hold.

    `displaced_run_on`: what is displaced runs until its replacement does, so it goes on holding what it holds.
    Of more existing replicas than are wanted, those with the lowest numbers stay. The order of nodes and claims does
    not matter. Raises ValueError where two nodes or two demands have the same name.
    """
    return Planning(Fleet(nodes, claims)).plan(demands, existing=existing, displaced_run_on=displaced_run_on)


@dataclass(frozen=True)
class Planning:
    """A fleet on which plans are made; `what_fits` takes each back before the next."""

    fleet: Fleet
    candidates: Candidates = field(default_factory=Candidates)

    def plan(
        self, demands: Sequence[Demand], *, existing: Iterable[Assignment] = (), displaced_run_on: bool = False
    ) -> Plan:
        if len({demand.name for demand in demands}) != len(demands):
            raise ValueError("Two demands have the same name.")
        runs = {demand.name: _Run(self, demand) for demand in sorted(demands, key=_largest_first)}
        displaced = list(_keep(runs, existing))
        if displaced_run_on:
            self._hold(displaced)
        for replicas in (1, None):  # the first of each model, then the others
            for run in runs.values():
                run.fill(up_to=run.demand.replicas if replicas is None else replicas)
        return Plan(
            assignments=tuple(a for demand in demands for a in runs[demand.name].in_order()),
            missing=tuple(m for demand in demands if (m := runs[demand.name].missing()) is not None),
            displaced=tuple(displaced),
        )

    def _hold(self, displaced: Iterable[Displaced]) -> None:
        """Nodes that are not ready take nothing new, so there nobody has to know."""
        for each in displaced:
            for claim in each.assignment.claims():
                number = self.fleet.numbers.get(claim.node_id)
                if number is not None and self.fleet.ready(number):
                    self.fleet.take(number, claim)


@dataclass
class _Run:
    planning: Planning
    demand: Demand
    placed: list[Assignment] = field(default_factory=list[Assignment])
    full: bool = False

    def __post_init__(self) -> None:
        self.allowed = self.planning.fleet.allowed(self.demand.constraints)

    def keep(self, existing: Assignment) -> Reason | None:
        kept = Keeping(self.planning.fleet, self.demand, self.allowed).keep(existing)
        if isinstance(kept, Reason):
            return kept
        self.placed.append(kept)
        return None

    def fill(self, *, up_to: int) -> None:
        """Once a replica found no place no other does: what is left only becomes less."""
        wanted = min(up_to, self.demand.replicas) - len(self.placed)
        if wanted <= 0 or self.full:
            return
        taken = {assignment.replica for assignment in self.placed}
        numbers = islice((number for number in count() if number not in taken), wanted)
        fleet = self.planning.fleet
        on = Counter(fleet.numbers[part.node_id] for assignment in self.placed for part in assignment.parts)
        placing = Placing(fleet, self.planning.candidates, self.demand, self.allowed, on)
        found = placing.place(numbers)
        self.placed += found
        self.full = len(found) < wanted

    def in_order(self) -> list[Assignment]:
        return sorted(self.placed, key=lambda assignment: assignment.replica)

    def missing(self) -> Missing | None:
        short = self.demand.replicas - len(self.placed)
        if short <= 0:
            return None
        obstacles = Obstacles(self.planning.fleet, self.demand, self.allowed)
        return Missing(self.demand.name, short, self.demand.replicas, obstacles.obstructed())


def _keep(runs: dict[str, _Run], existing: Iterable[Assignment]) -> Iterator[Displaced]:
    """Those of demands that are gone, or wanted less often, are not displaced: they are no longer wanted."""
    by_demand: dict[str, list[Assignment]] = defaultdict(list)
    for assignment in existing:
        by_demand[assignment.demand].append(assignment)
    for name, run in runs.items():
        for assignment in sorted(by_demand[name], key=lambda a: a.replica):
            if len(run.placed) == run.demand.replicas:
                break
            if (reason := run.keep(assignment)) is not None:
                yield Displaced(assignment, reason)


def _largest_first(demand: Demand) -> tuple[int, int, int, int, str]:
    """By the smallest way in which it can run; what has fewer ways goes before what has more."""
    smallest = min(((way.nodes, way.cards_per_node, way.bytes_per_card) for way in demand.layouts), default=(0, 0, 0))
    nodes, cards, size = smallest
    return (-nodes, -cards, len(demand.layouts), -size, demand.name)
