"""What holds for every plan, on random small fleets."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.placement.nodes import NodeState
from appliance.placement.planner import plan
from appliance.placement.reasons import Obstacle
from appliance.placement.what_fits import Answer, what_fits
from tests.unit.placement.fleets import Rules, claim_lists, demand_lists, demands, node_lists, somewhere
from tests.unit.placement.values import by_name

QUICK = settings(max_examples=60, deadline=None)


@QUICK
@given(st.data())
def test_a_plan_keeps_all_rules(draw: st.DataObject) -> None:
    fleet = draw.draw(node_lists())
    claims = draw.draw(claim_lists(fleet))
    wanted = draw.draw(demand_lists())
    found = plan(fleet, demands=wanted, claims=claims)
    Rules(fleet, claims).check(found.assignments, wanted)
    missing = {each.demand: each.replicas for each in found.missing}
    for each in wanted:
        placed = sum(assignment.demand == each.name for assignment in found.assignments)
        assert placed + missing.get(each.name, 0) == each.replicas


@QUICK
@given(st.data())
def test_a_plan_does_not_depend_on_the_order_of_what_it_is_told(draw: st.DataObject) -> None:
    fleet = draw.draw(node_lists())
    claims = draw.draw(claim_lists(fleet))
    wanted = draw.draw(demand_lists())
    found = plan(fleet, demands=wanted, claims=claims)
    shuffled = plan(
        draw.draw(st.permutations(fleet)),
        demands=draw.draw(st.permutations(wanted)),
        claims=draw.draw(st.permutations(claims)),
    )
    assert by_name(shuffled.assignments) == by_name(found.assignments)
    assert {each.demand: each for each in shuffled.missing} == {each.demand: each for each in found.missing}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_single_replica_is_placed_where_and_only_where_any_place_exists(draw: st.DataObject) -> None:
    fleet = draw.draw(node_lists())
    claims = draw.draw(claim_lists(fleet))
    wanted = draw.draw(demands(replicas=1))
    found = plan(fleet, demands=[wanted], claims=claims)
    assert bool(found.assignments) == somewhere(fleet, claims, wanted)


@QUICK
@given(st.data())
def test_nothing_moves_when_nothing_changed(draw: st.DataObject) -> None:
    fleet = draw.draw(node_lists())
    claims = draw.draw(claim_lists(fleet))
    wanted = draw.draw(demand_lists())
    found = plan(fleet, demands=wanted, claims=claims)
    again = plan(fleet, demands=wanted, claims=claims, existing=found.assignments)
    assert again.assignments == found.assignments
    assert again.displaced == ()


@QUICK
@given(st.data())
def test_only_what_stood_on_a_draining_node_moves(draw: st.DataObject) -> None:
    fleet = draw.draw(node_lists())
    wanted = draw.draw(demand_lists())
    before = plan(fleet, demands=wanted).assignments
    drained = draw.draw(st.sampled_from(fleet)).node_id
    changed = [replace(view, state=NodeState.DRAINING) if view.node_id == drained else view for view in fleet]
    after = plan(changed, demands=wanted, existing=before)
    Rules(changed, []).check(after.assignments, wanted)
    stays = [each for each in before if drained not in {part.node_id for part in each.parts}]
    assert set(by_name(stays)) <= set(by_name(after.assignments))
    assert all(by_name(after.assignments)[key] == each for key, each in by_name(stays).items())
    gone = {(each.demand, each.replica) for each in before} - set(by_name(stays))
    assert {(each.assignment.demand, each.assignment.replica) for each in after.displaced} == gone


@QUICK
@given(st.data())
def test_every_node_has_one_reason_and_a_sentence(draw: st.DataObject) -> None:
    fleet = draw.draw(node_lists())
    claims = draw.draw(claim_lists(fleet))
    wanted = draw.draw(demand_lists())
    for missing in plan(fleet, demands=wanted, claims=claims).missing:
        named = [name for group in missing.obstructed for name in group.node_ids]
        assert sorted(named) == sorted(view.node_id for view in fleet)
        assert all(group.reason.sentence for group in missing.obstructed)
        for group in missing.obstructed:
            if group.reason.obstacle is Obstacle.NODES:
                assert group.reason.found < group.reason.needed


@QUICK
@given(st.data())
def test_what_fits_agrees_with_plans(draw: st.DataObject) -> None:
    fleet = draw.draw(node_lists())
    claims = draw.draw(claim_lists(fleet))
    wanted = draw.draw(demand_lists())
    for each, verdict in zip(wanted, what_fits(fleet, demands=wanted, claims=claims), strict=True):
        now, empty = plan(fleet, demands=[each], claims=claims), plan(fleet, demands=[each])
        if verdict.answer is Answer.NOW:
            assert not now.missing
            assert verdict.assignments == now.assignments
        else:
            assert now.missing
            assert bool(empty.missing) == (verdict.answer is Answer.NEVER)
            assert verdict.missing == (empty if empty.missing else now).missing[0]
