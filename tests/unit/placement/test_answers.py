"""Orders of layouts, explanations of scores, what could run, and the refusal that docs/placement.md shows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.hardware.inventory import LinkKind
from appliance.placement.demands import Policy
from appliance.placement.fleet import Fleet
from appliance.placement.layouts import CPU, best_first
from appliance.placement.nodes import Claim, NodeState
from appliance.placement.planner import plan
from appliance.placement.reasons import ranges
from appliance.placement.scores import DISTANCES, ORDER, Score, explain, sort_key
from appliance.placement.sentences import refusal
from appliance.placement.what_fits import Answer, what_fits
from tests.unit.placement.values import GIB, demand, layout, node, places

PAGE = Path(__file__).resolve().parents[3] / "docs" / "placement.md"


def refused_on_three_nodes() -> str:
    """The example of the page: a model of four P800 cards, 67.2 GiB on each, with nowhere to go."""
    held = [(0, 60), (1, 60), (4, 50), (5, 50), (6, 50)]
    claims = [Claim("a", {f"a-kunlun-{index}": gib * GIB}, shared=True) for index, gib in held]
    nodes = [node("a", "8xP800"), node("b", "8xH100"), node("c", "8xP800", state=NodeState.DRAINING)]
    wanted = demand(layout("kunlun", 4, 67.2, shared=True), name="chat-large")
    return refusal(plan(nodes, demands=[wanted], claims=claims).missing[0])


def test_the_page_shows_what_the_code_says() -> None:
    assert refused_on_three_nodes() in PAGE.read_text()


def test_the_page_lists_the_parts_of_the_score_in_their_order() -> None:
    text = PAGE.read_text()
    for policy, parts in ORDER.items():
        assert f"| `{policy.value}` | {', '.join(f'`{part}`' for part in parts)} |" in text


def test_many_nodes_with_one_reason_are_one_line() -> None:
    nodes = [node(f"n{number}", "8xH100") for number in range(6)]
    (missing,) = plan(nodes, demands=[demand(layout("kunlun"))]).missing
    assert refusal(missing).splitlines()[1:] == ["  nodes n0, n1, n2 and 3 more: nothing of family kunlun."]
    (missing,) = plan(nodes[:2], demands=[demand(layout("kunlun"), replicas=2)]).missing
    assert refusal(missing) == ("m: 2 of 2 replicas found no place.\n  nodes n0 and n1: nothing of family kunlun.")
    (missing,) = plan([], demands=[demand(layout())]).missing
    assert refusal(missing).endswith("There are no nodes.")


def test_a_demand_without_layouts_is_missing_with_a_reason() -> None:
    (missing,) = plan([node("a", "8xH100")], demands=[demand()]).missing
    assert "there is no layout to run it in" in refusal(missing)


def test_what_could_run_on_this_box() -> None:
    box = node("a", "2xH100")
    held = [Claim("a", {"a-cuda-0": GIB})]
    wanted = [
        demand(layout(gib=70), name="now"),
        demand(layout(cards=2), name="if empty"),
        demand(layout(gib=81), name="never"),
    ]
    verdicts = list(what_fits([box], demands=wanted, claims=held))
    assert [verdict.answer for verdict in verdicts] == [Answer.NOW, Answer.IF_EMPTY, Answer.NEVER]
    assert [verdict.assignments[0].parts[0].cards for verdict in verdicts[:2]] == [(1,), (0, 1)]
    assert verdicts[0].missing is None
    assert "1 of the 2 cards needed free" in refusal(verdicts[1].missing) if verdicts[1].missing else False
    assert "1.0 GiB too small when empty" in refusal(verdicts[2].missing) if verdicts[2].missing else False


def test_the_usual_order_of_layouts() -> None:
    computed, measured = layout(cards=2), layout(cards=2, evidence="measured")
    one, two_nodes = layout(), layout(pipeline_parallel_size=2, nodes=2)
    processor, long = layout(CPU), layout(cards=2, evidence="measured", max_model_len=32768)
    given = [processor, two_nodes, computed, measured, long, one]
    assert best_first(given) == (one, long, measured, computed, two_nodes, processor)


def test_every_part_of_a_score_has_a_phrase_in_the_order_in_which_it_counts() -> None:
    (placed,) = plan([node("a", "8xH100")], demands=[demand(layout(cards=2))]).assignments
    assert placed.score is not None
    assert list(explain(placed.score, policy=Policy.PACK)) == list(ORDER[Policy.PACK])
    assert explain(placed.score, policy=Policy.PACK)["distance"].endswith("fabric")
    assert set(ORDER[Policy.SPREAD]) == set(Score._fields)


@pytest.mark.parametrize("policy", Policy)
def test_the_first_part_that_differs_decides(policy: Policy) -> None:
    zero = Score(*[0] * len(Score._fields))
    keys = [sort_key(zero._replace(**{part: 1}), policy=policy) for part in ORDER[policy]]
    assert keys == sorted(keys, reverse=True)


def test_a_stage_of_a_pipeline_stays_in_its_half() -> None:
    wanted = demand(layout("cann", 4, pipeline_parallel_size=2))
    (placed,) = plan([node("a", "8x910B3")], demands=[wanted]).assignments
    assert placed.score is not None
    assert (placed.score.distance, placed.score.numa) == (0, 1)


def test_sixteen_cards_without_groups_are_no_matter() -> None:
    box = node("a", "16x910B3")
    found = plan([box], demands=[demand(layout("cann", 8))], claims=[Claim("a", {"a-cann-3": 1})])
    assert places(found) == [("a", list(range(8, 16)))]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tensor_parallel_size": 0}, "at least 1"),
        ({"gib": -1}, "at least 0"),
        ({"pipeline_parallel_size": 3, "nodes": 2}, "do not divide"),
    ],
)
def test_layouts_are_checked(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        layout(**changes)


@pytest.mark.parametrize(
    ("numbers", "text"), [((0, 1, 2, 3), "{0-3}"), ((5, 0, 2, 1), "{0-2,5}"), ((7,), "{7}"), ((), "{}")]
)
def test_sets_of_indices_are_written_as_ranges(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(numbers) == text


def test_claims_on_what_is_not_there_are_passed_over() -> None:
    claims = [Claim("z", {"x": 1}), Claim("a", {"x": 1}, cores=(99,))]
    assert places(plan([node("a", "1xH100")], demands=[demand(layout())], claims=claims)) == [("a", [0])]


def test_nodes_that_differ_only_in_what_is_their_own_are_looked_at_once() -> None:
    """Ids, labels, weights and main memory must not split the class, or a large fleet is slow."""
    nodes = [
        replace(node(f"n{number}", "8xH100"), host_memory_bytes=1000 * GIB + number, labels={"hostname": str(number)})
        for number in range(20)
    ]
    assert len(list(Fleet(nodes, []).having("cuda"))) == 1
    alone = [Claim(f"n{number}", {f"n{number}-cuda-0": number * GIB}) for number in range(20)]
    assert len(list(Fleet(nodes, alone).having("cuda"))) == 1


def test_where_two_cards_disagree_on_their_link_the_worse_counts() -> None:
    box = node("a", "2xL40S")
    near = replace(box.cards[0], links={1: LinkKind.FABRIC})
    (placed,) = plan([replace(box, cards=(near, box.cards[1]))], demands=[demand(layout(cards=2))]).assignments
    assert placed.score is not None
    assert placed.score.distance == DISTANCES[LinkKind.SYS]
