"""What could run on this box? Each demand on its own: beside what runs now, on the box if it were empty, or never."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.placement.demands import Demand
from appliance.placement.fleet import Fleet
from appliance.placement.nodes import Claim, NodeView
from appliance.placement.planner import Planning
from appliance.placement.plans import Assignment, Missing, Plan


class Answer(StrEnum):
    NOW = "fits now"
    IF_EMPTY = "fits if the box were empty"
    NEVER = "does not fit"


@dataclass(frozen=True)
class Verdict:
    """`assignments`: where all replicas would go. `missing`: what is in the way, now or (never) even when empty."""

    demand: str
    answer: Answer
    assignments: tuple[Assignment, ...]
    missing: Missing | None


def what_fits(
    nodes: Sequence[NodeView], *, demands: Iterable[Demand], claims: Iterable[Claim] = ()
) -> Iterator[Verdict]:
    """A verdict for each demand, with all its replicas, as if it were the only one that is added.

    Nodes that drain or cannot be reached count for nothing, also if the box were empty.
    """
    judge = Judge(nodes, claims)
    for demand in demands:
        yield judge.verdict(demand)


class Judge:
    """Answers for one demand after the other, for callers that choose the next by what the last one got."""

    def __init__(self, nodes: Sequence[NodeView], claims: Iterable[Claim]) -> None:
        self.now, self.empty = Planning(Fleet(nodes, claims)), Planning(Fleet(nodes, ()))

    def verdict(self, demand: Demand) -> Verdict:
        at_present = _alone(demand, self.now)
        if not at_present.missing:
            return Verdict(demand.name, Answer.NOW, at_present.assignments, None)
        once_empty = _alone(demand, self.empty)
        if not once_empty.missing:
            return Verdict(demand.name, Answer.IF_EMPTY, once_empty.assignments, at_present.missing[0])
        return Verdict(demand.name, Answer.NEVER, (), once_empty.missing[0])


def _alone(demand: Demand, planning: Planning) -> Plan:
    mark = planning.fleet.mark()
    plan = planning.plan((demand,))
    planning.fleet.back_to(mark)
    return plan
