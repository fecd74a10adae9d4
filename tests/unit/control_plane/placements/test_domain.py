"""What follows for each replica from where it is, what is wanted, and what answers."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.base.ids import new_uuid
from appliance.placement.demands import Demand
from appliance.placement.layouts import Layout
from appliance.placement.nodes import NodeState, NodeView, NumaView
from appliance.placement.plans import Part
from control_plane.placements.domain import Decision, Held, PlacementState, Seat, decide, decide_unplaced

GIB = 1024**3
LAYOUT = Layout("vllm-cpu", "cpu", 3 * GIB, max_model_len=512)


def node(name: str, *, gib: int = 10, **changes: Any) -> NodeView:
    made = NodeView(
        node_id=name,
        hostname=name,
        host_memory_bytes=gib * GIB,
        numa_nodes=(NumaView(0, (0, 1, 2, 3)),),
        packs=frozenset({"vllm-cpu"}),
    )
    return replace(made, **changes)


def demand(replicas: int = 1, *, name: str = "m") -> Demand:
    return Demand(name, (LAYOUT,), replicas=replicas)


def held(where: str, *, ready: bool = True, state: PlacementState = PlacementState.PLACED, **changes: Any) -> Held:
    made = Held(new_uuid(), "m", state, Seat(layout=LAYOUT, parts=(Part(where),)), is_known=True, is_ready=ready)
    return replace(made, **changes)


def places(decision: Decision) -> list[str]:
    return [each.node_id for each in decision.added]


def states(decision: Decision, *rows: Held) -> list[PlacementState]:
    return [decision.states[row.key][0] for row in rows]


A, B = node("a"), node("b")
DRAINING = replace(A, state=NodeState.DRAINING)
PLACED, LEAVING, STOPPING = PlacementState


def test_a_new_model_gets_a_place() -> None:
    assert places(decide([A], [demand()], [])) == ["a"]


def test_what_runs_stays() -> None:
    row = held("a")
    found = decide([A, B], [demand()], [row])
    assert (found.added, states(found, row)) == ((), [PLACED])


def test_more_are_added_and_the_running_one_is_left_alone() -> None:
    row = held("a")
    found = decide([A], [demand(2)], [row])
    assert (places(found), states(found, row)) == (["a"], [PLACED])


def test_of_more_than_are_wanted_those_that_answer_stay() -> None:
    starting, old, young = held("a", ready=False), held("a"), held("a")
    assert states(decide([A], [demand(1)], [starting, old, young]), starting, old, young) == [
        STOPPING,
        PLACED,
        STOPPING,
    ]


def test_a_model_that_is_no_longer_wanted_goes() -> None:
    row = held("a")
    assert states(decide([A], [], [row]), row) == [STOPPING]


def test_what_stops_holds_its_memory_until_the_cluster_shows_it_no_more() -> None:
    going = [held("a", demand="old", state=STOPPING) for _ in range(3)]
    full = decide([A], [demand()], going)
    assert (places(full), full.removed) == ([], ())
    assert "main memory" in full.missing["m"].obstructed[0].reason.sentence
    gone = [replace(row, is_known=False) for row in going]
    found = decide([A], [demand()], gone)
    assert (places(found), set(found.removed)) == (["a"], {row.key for row in gone})


@pytest.mark.parametrize("state", [NodeState.DRAINING, NodeState.UNREACHABLE])
def test_a_replica_leaves_only_when_another_answers(state: NodeState) -> None:
    away, old = replace(A, state=state), held("a")
    begun = decide([away, B], [demand()], [old])
    assert (places(begun), states(begun, old)) == (["b"], [LEAVING])
    starting = held("b", ready=False)
    under_way = decide([away, B], [demand()], [replace(old, state=LEAVING), starting])
    assert (places(under_way), states(under_way, old, starting)) == ([], [LEAVING, PLACED])
    done = decide([away, B], [demand()], [replace(old, state=LEAVING), replace(starting, is_ready=True)])
    assert states(done, old, starting) == [STOPPING, PLACED]


def test_where_there_is_no_other_place_it_stays_and_says_why() -> None:
    row = held("a")
    found = decide([DRAINING], [demand()], [row])
    assert found.states[row.key] == (LEAVING, "the node is draining")
    assert found.missing["m"].replicas == 1


def test_a_drain_that_is_taken_back_keeps_the_one_that_answers() -> None:
    old, new = held("a", state=LEAVING), held("b", ready=False)
    found = decide([A, B], [demand()], [old, new])
    assert states(found, old, new) == [PLACED, STOPPING]


def test_what_leaves_goes_on_holding_what_it_holds() -> None:
    """Its node shrank: the one that stays and the one that leaves are both still there, so nothing else fits."""
    small = node("a", gib=5)
    first, second = held("a"), held("a")
    found = decide([small], [demand(2), demand(name="other")], [first, second])
    assert states(found, first, second) == [PLACED, LEAVING]
    assert places(found) == []


def test_a_layout_reckoned_anew_moves_nothing() -> None:
    row = held("a")
    larger = Demand("m", (replace(LAYOUT, bytes_per_card=4 * GIB),))
    assert states(decide([A], [larger], [row]), row) == [PLACED]
    longer = Demand("m", (replace(LAYOUT, max_model_len=1024),))
    assert states(decide([A, B], [longer], [row]), row) == [LEAVING]


def test_a_cluster_that_places_itself_is_only_told_how_many() -> None:
    row, surplus = held("", ready=True), held("", ready=False)
    found = decide_unplaced([demand(1)], [row, surplus])
    assert states(found, row, surplus) == [PLACED, STOPPING]
    assert [each.parts for each in decide_unplaced([demand(3)], [row]).added] == [(), ()]


NODES = st.lists(st.tuples(st.sampled_from(list(NodeState)), st.integers(0, 14)), min_size=1, max_size=4).map(
    lambda rows: [node(str(number), gib=gib, state=state) for number, (state, gib) in enumerate(rows)]
)
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.booleans(), st.sampled_from(list(PlacementState))), max_size=6
).map(
    lambda rows: [
        Held(UUID(int=number + 1), "m", state, Seat(layout=LAYOUT, parts=(Part(str(where)),)), known or ready, ready)
        for number, (where, known, ready, state) in enumerate(rows)
    ]
)


@settings(max_examples=200, deadline=None)
@given(NODES, ROWS, st.integers(0, 4))
def test_a_model_never_answers_less_than_before_unless_less_is_wanted(
    nodes: list[NodeView], rows: list[Held], replicas: int
) -> None:
    found = decide(nodes, [demand(replicas)] if replicas else [], rows)
    before = sum(1 for row in rows if row.is_ready and row.state is not STOPPING)
    after = sum(1 for row in rows if row.is_ready and found.states.get(row.key, (STOPPING,))[0] is not STOPPING)
    assert after >= min(before, replicas)
    assert found == decide(nodes, [demand(replicas)] if replicas else [], rows)
    going = {row.key for row in rows if row.state is STOPPING and not row.is_known}
    assert set(found.removed) == going
    assert set(found.states) == {row.key for row in rows} - going
