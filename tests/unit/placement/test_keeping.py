"""What runs stays where it is for as long as it may."""

from dataclasses import replace

import pytest

from appliance.hardware.inventory import HealthState
from appliance.placement.demands import Constraints
from appliance.placement.nodes import Claim, NodeState
from appliance.placement.planner import plan
from appliance.placement.plans import Assignment
from appliance.placement.reasons import Obstacle
from tests.unit.placement.values import GIB, demand, layout, node, places, with_health

A, B = node("a", "8xH100"), node("b", "8xH100")
WANTED = demand(layout(cores=2))
(HERE,) = plan([A], demands=[WANTED]).assignments


def test_a_worse_place_is_kept() -> None:
    """Begun nodes are filled first, but not by moving what runs on another."""
    held = [Claim("b", {"b-cuda-0": GIB})]
    assert places(plan([A, B], demands=[WANTED], claims=held)) == [("b", [1])]
    assert plan([A, B], demands=[WANTED], claims=held, existing=[HERE]).assignments == (HERE,)


@pytest.mark.parametrize(
    ("nodes", "claims", "wanted", "obstacle"),
    [
        ([replace(A, state=NodeState.DRAINING), B], [], WANTED, Obstacle.STATE),
        ([replace(A, state=NodeState.UNREACHABLE), B], [], WANTED, Obstacle.STATE),
        ([B], [], WANTED, Obstacle.STATE),
        ([with_health(A, {0: HealthState.FAILED}), B], [], WANTED, Obstacle.HEALTH),
        ([replace(A, cards=A.cards[1:]), B], [], WANTED, Obstacle.CARD_COUNT),
        ([replace(A, packs=frozenset()), B], [], WANTED, Obstacle.PACK),
        ([replace(A, host_memory_bytes=-1), B], [], WANTED, Obstacle.HOST_MEMORY),
        ([A, B], [Claim("a", {"a-cuda-0": 1})], WANTED, Obstacle.CARDS_HELD),
        ([A, B], [Claim("a", {"a-cuda-0": 1}, shared=True)], WANTED, Obstacle.CARDS_HELD),
        ([A, B], [Claim("a", cores=(1,))], WANTED, Obstacle.CORES),
        ([A, B], [], replace(WANTED, layouts=(layout(cores=3),)), Obstacle.LAYOUT),
        ([A, B], [], replace(WANTED, constraints=Constraints(node_ids=frozenset("b"))), Obstacle.CONSTRAINT),
        ([A, B], [], replace(WANTED, constraints=Constraints(products=frozenset({"L40S"}))), Obstacle.PRODUCT),
    ],
)
def test_what_no_longer_holds_is_planned_anew(
    nodes: list[object], claims: list[Claim], wanted: object, obstacle: Obstacle
) -> None:
    found = plan(nodes, demands=[wanted], claims=claims, existing=[HERE])  # pyright: ignore[reportArgumentType]
    assert [each.reason.obstacle for each in found.displaced] == [obstacle]
    assert found.displaced[0].assignment == HERE
    assert HERE not in found.assignments


def test_a_group_that_is_no_longer_allowed_is_left() -> None:
    wanted = demand(layout("kunlun", 4))
    box = node("a", "8xP800")
    (before,) = plan([replace(box, card_groups={})], demands=[wanted]).assignments
    keys = tuple(f"a-kunlun-{index}" for index in (2, 3, 4, 5))
    across = replace(before, parts=(replace(before.parts[0], cards=(2, 3, 4, 5), card_keys=keys),))
    found = plan([box], demands=[wanted], existing=[across])
    assert found.displaced[0].reason.obstacle is Obstacle.GROUP
    assert places(found) == [("a", [0, 1, 2, 3])]


def test_a_card_that_was_renumbered_is_the_same_card() -> None:
    turned = replace(A, cards=tuple(replace(card, index=7 - card.index, links={}) for card in A.cards))
    found = plan([turned], demands=[WANTED], existing=[HERE])
    assert found.displaced == ()
    assert found.assignments[0].parts[0].card_keys == HERE.parts[0].card_keys
    assert found.assignments[0].parts[0].cards == (7,)


def test_fewer_replicas_keep_the_lowest_numbers_and_new_ones_take_what_is_free() -> None:
    three = plan([A], demands=[replace(WANTED, replicas=3)]).assignments
    assert plan([A], demands=[replace(WANTED, replicas=2)], existing=three).assignments == three[:2]
    without_first = plan([A], demands=[replace(WANTED, replicas=3)], existing=three[1:]).assignments
    assert [each.replica for each in without_first] == [0, 1, 2]
    assert without_first[1:] == three[1:]


def test_replicas_of_models_that_are_gone_give_their_cards_back() -> None:
    box = node("a", "1xH100")
    (old,) = plan([box], demands=[demand(layout(), name="old")]).assignments
    found = plan([box], demands=[demand(layout(), name="new")], existing=[old])
    assert places(found) == [("a", [0])]
    assert found.displaced == ()


def test_two_that_claim_the_same_card_do_not_both_stay() -> None:
    twice: list[Assignment] = [HERE, replace(HERE, replica=1)]
    found = plan([A], demands=[replace(WANTED, replicas=2)], existing=twice)
    assert len(found.displaced) == 1
    assert places(found) == [("a", [0]), ("a", [1])]


def test_of_a_pipeline_over_nodes_nothing_stays_when_one_node_drains() -> None:
    wanted = demand(layout(cards=8, pipeline_parallel_size=2, nodes=2))
    c = node("c", "8xH100")
    (before,) = plan([A, B, c], demands=[wanted]).assignments
    found = plan([A, replace(B, state=NodeState.DRAINING), c], demands=[wanted], existing=[before])
    assert [part.node_id for part in found.assignments[0].parts] == ["a", "c"]
    assert len(found.displaced) == 1


def test_a_pipeline_over_two_products_does_not_stay() -> None:
    wanted = demand(layout(cards=2, pipeline_parallel_size=2, nodes=2))
    two, other = node("x", "2xH100"), node("y", "2xL40S")
    before = [plan([replace(view, node_id=name), view], demands=[wanted]).assignments[0].parts[1]
              for view, name in ((two, "a"), (other, "b"))]  # fmt: skip
    mixed = Assignment(wanted.name, 0, wanted.layouts[0], tuple(before))
    found = plan([two, other], demands=[wanted], existing=[mixed])
    assert found.assignments == ()
    assert found.displaced[0].reason.obstacle is Obstacle.LAYOUT


def test_the_first_replica_of_every_model_comes_before_the_second_of_any() -> None:
    box = node("a", "2xH100")
    found = plan([box], demands=[demand(layout(), name="a", replicas=2), demand(layout(), name="b", replicas=2)])
    assert {each.demand for each in found.assignments} == {"a", "b"}
    assert [(each.demand, each.replicas, each.wanted) for each in found.missing] == [("a", 1, 2), ("b", 1, 2)]


def test_the_largest_model_chooses_first() -> None:
    box = node("a", "8xP800")
    wanted = [demand(layout("kunlun"), name="small"), demand(layout("kunlun", 8), name="large")]
    assert [each.demand for each in plan([box], demands=wanted).assignments] == ["large"]


@pytest.mark.parametrize("twice", ["nodes", "demands"])
def test_names_are_given_once(twice: str) -> None:
    nodes, wanted = ([A, A], [WANTED]) if twice == "nodes" else ([A], [WANTED, WANTED])
    with pytest.raises(ValueError, match="same"):
        plan(nodes, demands=wanted)
