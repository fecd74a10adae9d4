"""How candidates are compared: costs, part by part, in an order that the policy sets. The first difference decides.

No weights to tune and no sums: why one place was taken and not another is always one part's name and two figures.
"""

from operator import itemgetter
from typing import NamedTuple

from appliance.hardware.inventory import LinkKind
from appliance.placement.demands import Policy

DISTANCES: dict[LinkKind, int] = {kind: distance for distance, kind in enumerate(LinkKind)}
"""LinkKind is listed from near to far; an unknown link counts as the farthest."""
FARTHEST = max(DISTANCES.values())


class Score(NamedTuple):
    """Costs: less is better.

    apart: replicas of the same model on the node.
    preference: the layout's place among the demand's layouts.
    unsound: cards that are not known to be healthy.
    distance: the worst link between two cards of a tensor parallel group, 0 (the vendor's fabric) to 5.
    numa: NUMA nodes beyond the first among which the replica is divided.
    fetch: 1 where the weights are not on the node yet.
    broken: groups larger than the replica that were wholly free and no longer are.
    room: `pack`: cards (on the processor: cores) of the node still free afterwards. `spread`: those held before.
    slack: `pack`: bytes that stay unused on its cards. `spread`: bytes that others hold there.
    """

    apart: int
    preference: int
    unsound: int
    distance: int
    numa: int
    fetch: int
    broken: int
    room: int
    slack: int


ORDER: dict[Policy, tuple[str, ...]] = {
    Policy.PACK: ("preference", "unsound", "distance", "numa", "fetch", "broken", "room", "slack"),
    Policy.SPREAD: ("apart", "preference", "unsound", "distance", "numa", "fetch", "room", "slack", "broken"),
}

_PICK = {policy: itemgetter(*(Score._fields.index(part) for part in parts)) for policy, parts in ORDER.items()}


def sort_key(score: Score, *, policy: Policy) -> tuple[int, ...]:
    """Sorts the best first, by the parts of `ORDER`. Equal keys are told apart by node id, then by card index."""
    return _PICK[policy](score)


def explain(score: Score, *, policy: Policy) -> dict[str, str]:
    """Each part that counts under the policy, in the order in which it counts, as a phrase for an admin."""
    kinds = list(LinkKind)
    phrases = {
        "apart": f"{score.apart} other replicas of this model on the node",
        "preference": f"layout {score.preference + 1} in the order of preference",
        "unsound": f"{score.unsound} of its cards not known to be healthy",
        "distance": f"worst link inside a tensor parallel group: {kinds[score.distance].value}",
        "numa": f"divided among {score.numa + 1} NUMA nodes",
        "fetch": "the weights must be fetched" if score.fetch else "the weights are on the node",
        "broken": f"breaks {score.broken} larger groups that were wholly free",
        "room": f"{score.room} cards or cores {'stay free' if policy is Policy.PACK else 'were held before'}",
        "slack": f"{score.slack} bytes {'stay unused' if policy is Policy.PACK else 'held by others'} on its cards",
    }
    return {part: phrases[part] for part in ORDER[policy]}
