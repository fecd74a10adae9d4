"""Where replicas are, where they should be, and what follows: pure, from the planner's answer and what runs.

A replica whose place no longer holds (its node drains or is silent, its card failed) runs on until its replacement
answers. Where there is no other place it stays, and says why: nothing is stopped that cannot be started elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from appliance.placement.demands import Demand
from appliance.placement.layouts import Layout
from appliance.placement.nodes import NodeView
from appliance.placement.planner import plan
from appliance.placement.plans import Assignment, Missing, Part


class PlacementState(StrEnum):
    """`leaving`: it runs until another replica took over. `stopping`: it drains, and still holds what it held."""

    PLACED = "placed"
    LEAVING = "leaving"
    STOPPING = "stopping"


class Seat(BaseModel):
    """What a replica was given. No `parts`: the cluster itself chooses its node.

    `cards`: the variables that choose its cards. `kv_cache_bytes`: of an engine on the processor.
    """

    model_config = ConfigDict(frozen=True)

    layout: Layout
    parts: tuple[Part, ...] = ()
    cards: dict[str, str] = {}
    kv_cache_bytes: int = 0


@dataclass(frozen=True)
class Held:
    """A row, and what the cluster says of it: `is_known` while it shows the application, `is_ready` while it answers.

    `demand` names the served model.
    """

    key: UUID
    demand: str
    state: PlacementState
    seat: Seat
    is_known: bool = False
    is_ready: bool = False

    def assignment(self, number: int) -> Assignment:
        return Assignment(self.demand, number, self.seat.layout, self.seat.parts)


@dataclass(frozen=True)
class Decision:
    """`added`: places for new replicas. `states`: of all rows that stay. `removed`: rows of which nothing is left."""

    added: tuple[Assignment, ...] = ()
    states: dict[UUID, tuple[PlacementState, str | None]] = field(
        default_factory=dict[UUID, tuple[PlacementState, str | None]]
    )
    removed: tuple[UUID, ...] = ()
    missing: dict[str, Missing] = field(default_factory=dict[str, Missing])


def decide(nodes: Iterable[NodeView], demands: Sequence[Demand], held: Sequence[Held]) -> Decision:
    """Demands without rows get places, rows without demands go."""
    stopping, live = apart(held)
    numbered = number(live)
    made = plan(
        nodes,
        demands=[with_held_layouts(demand, live) for demand in demands],
        claims=[claim for one in stopping if one.is_known for claim in one.assignment(0).claims()],
        existing=[one.assignment(index) for index, one in numbered.items()],
        displaced_run_on=True,
    )
    kept = {(each.demand, each.replica) for each in made.assignments}
    why = {(each.assignment.demand, each.assignment.replica): each.reason.sentence for each in made.displaced}
    existing = {(one.demand, index) for index, one in numbered.items()}
    decided: dict[UUID, tuple[PlacementState, str | None]] = {}
    for index, one in numbered.items():
        name = (one.demand, index)
        if name in why:
            decided[one.key] = (PlacementState.LEAVING, why[name])
        elif name in kept:
            decided[one.key] = (PlacementState.PLACED, None)
        else:
            decided[one.key] = (PlacementState.STOPPING, None)
    stop_replaced(decided, live=live, wanted={demand.name: demand.replicas for demand in demands})
    return Decision(
        added=tuple(each for each in made.assignments if (each.demand, each.replica) not in existing - set(why)),
        states={**decided, **{one.key: (PlacementState.STOPPING, None) for one in stopping if one.is_known}},
        removed=tuple(one.key for one in stopping if not one.is_known),
        missing={each.demand: each for each in made.missing},
    )


def decide_unplaced(demands: Sequence[Demand], held: Sequence[Held]) -> Decision:
    """For a cluster that chooses nodes itself: only how many."""
    stopping, live = apart(held)
    by_demand: dict[str, list[Held]] = defaultdict(list)
    for one in sorted(live, key=preference):
        by_demand[one.demand].append(one)
    wanted = {demand.name: demand.replicas for demand in demands}
    states = {
        one.key: (PlacementState.PLACED if index < wanted.get(name, 0) else PlacementState.STOPPING, None)
        for name, rows in by_demand.items()
        for index, one in enumerate(rows)
    }
    added = [
        Assignment(demand.name, index, demand.layouts[0], ())
        for demand in demands
        for index in range(len(by_demand[demand.name]), demand.replicas)
    ]
    return Decision(
        added=tuple(added),
        states={**states, **{one.key: (PlacementState.STOPPING, None) for one in stopping if one.is_known}},
        removed=tuple(one.key for one in stopping if not one.is_known),
    )


def apart(held: Iterable[Held]) -> tuple[list[Held], list[Held]]:
    """Those that stop, and those that run or are to run."""
    stopping: list[Held] = []
    live: list[Held] = []
    for one in held:
        (stopping if one.state is PlacementState.STOPPING else live).append(one)
    return stopping, live


def preference(one: Held) -> tuple[bool, UUID]:
    """The planner keeps the first of more than are wanted: those that answer, and of these the oldest."""
    return (not one.is_ready, one.key)


def number(live: Iterable[Held]) -> dict[int, Held]:
    """Numbers that are unique over all demands, so that a replica is found again by its number."""
    return dict(enumerate(sorted(live, key=preference)))


def with_held_layouts(demand: Demand, live: Iterable[Held]) -> Demand:
    """What runs is not moved because it would be reckoned otherwise today: its own layout stays allowed, last."""
    ways = {(layout.pack, layout.max_model_len) for layout in demand.layouts}
    own = (
        one.seat.layout
        for one in live
        if one.demand == demand.name and (one.seat.layout.pack, one.seat.layout.max_model_len) in ways
    )
    extra = tuple(layout for layout in dict.fromkeys(own) if layout not in demand.layouts)
    return replace(demand, layouts=(*demand.layouts, *extra))


def stop_replaced(
    decided: dict[UUID, tuple[PlacementState, str | None]], *, live: Iterable[Held], wanted: Mapping[str, int]
) -> None:
    """Of those that leave, as many go on as are wanted beyond the ones that answer in their place."""
    by_demand: dict[str, list[Held]] = defaultdict(list)
    for one in sorted(live, key=preference):
        by_demand[one.demand].append(one)
    for name, rows in by_demand.items():
        ready = sum(1 for one in rows if one.is_ready and decided[one.key][0] is PlacementState.PLACED)
        needed = wanted.get(name, 0) - ready
        leaving = [one for one in rows if decided[one.key][0] is PlacementState.LEAVING]
        for one in leaving[max(needed, 0) :]:
            decided[one.key] = (PlacementState.STOPPING, None)
