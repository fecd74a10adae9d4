"""What a served model asks of the planner."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.base.paths import PROJECT_ROOT
from appliance.placement.nodes import CardView, NodeView, NumaView
from appliance.placement.planner import plan
from control_plane.placements.wanted import NOWHERE, Order, PlacementRules, Stock, cores_of, demand_of, packs_of

GIB = 1024**3
GUIDE = PROJECT_ROOT / "model_catalog" / "bundled" / "sails_guide" / "weights"
ORDER = Order(
    name="m", folder=GUIDE, digest="abc", model_name="sails-guide", size_bytes=6_000_000, task="chat", pack=None,
    max_model_len=512, kv_cache_bytes=GIB // 2, replicas=1, rules=PlacementRules(),
)  # fmt: skip
NODE = NodeView(
    "node-1", "rack-1", host_memory_bytes=20 * GIB, numa_nodes=(NumaView(0, (0, 1, 2)),),
    packs=frozenset({"vllm-cpu"}), versions=frozenset({"abc"}),
)  # fmt: skip
H100 = CardView(0, "GPU-0", "cuda", "NVIDIA H100 80GB HBM3", 80 * GIB)
WITH_CARD = replace(
    NODE, node_id="node-2", hostname="rack-2", cards=(H100,), packs=frozenset({"vllm-cpu", "vllm-cuda"})
)


def test_whatever_is_installed_and_serves_the_task_from_these_files(tmp_path: Path) -> None:
    assert packs_of(ORDER, Stock([WITH_CARD])) == ["vllm-cpu", "vllm-cuda"]
    both = replace(NODE, packs=frozenset({"llamacpp-cpu", "vllm-cpu", "of-a-newer-release"}))
    assert packs_of(ORDER, Stock([both])) == ["llamacpp-cpu", "vllm-cpu"]
    assert packs_of(replace(ORDER, task="embedding"), Stock([both])) == ["vllm-cpu"]
    (tmp_path / "model.gguf").touch()
    assert packs_of(replace(ORDER, folder=tmp_path), Stock([both])) == ["llamacpp-cpu"]


def test_a_pack_that_was_chosen_is_the_only_one() -> None:
    assert packs_of(replace(ORDER, pack="vllm-cuda"), Stock([NODE])) == ["vllm-cuda"]


def test_chat_gets_the_cores_that_are_left_and_embeddings_share() -> None:
    assert cores_of(ORDER, Stock([NODE])) == (3, 0)
    assert cores_of(replace(ORDER, task="embedding"), Stock([NODE])) == (0,)
    assert cores_of(replace(ORDER, rules=PlacementRules(cores=2)), Stock([NODE])) == (2,)


def test_a_card_is_taken_before_the_processor() -> None:
    found = plan([NODE, WITH_CARD], demands=[demand_of(ORDER, Stock([NODE, WITH_CARD]))])
    assert found.assignments[0].parts[0].card_keys == ("GPU-0",)


def test_only_nodes_with_the_weights_and_only_those_that_were_named() -> None:
    bare = replace(NODE, node_id="node-3", hostname="rack-3", versions=frozenset())
    assert demand_of(ORDER, Stock([NODE, bare])).constraints.node_ids == {"node-1"}
    assert demand_of(ORDER, Stock([NODE])).constraints.any_node
    named = replace(ORDER, rules=PlacementRules(nodes=("rack-2",)))
    assert demand_of(named, Stock([NODE, WITH_CARD])).constraints.node_ids == {"node-2"}
    assert demand_of(ORDER, Stock([bare])).constraints.node_ids == {NOWHERE}


def test_whoever_names_cards_does_not_mean_the_processor() -> None:
    asked = replace(ORDER, rules=PlacementRules(cards=("NVIDIA H100 80GB HBM3",)))
    assert {layout.family for layout in demand_of(asked, Stock([WITH_CARD])).layouts} == {"cuda"}
    assert demand_of(asked, Stock([NODE])).layouts == ()


def test_a_version_that_is_not_here_is_reckoned_by_its_size() -> None:
    strange = replace(ORDER, folder=Path("/nowhere"), size_bytes=5 * GIB)
    assert demand_of(strange, Stock([NODE])).layouts[0].bytes_per_card > 7 * GIB
    assert demand_of(strange, Stock([NODE])).num_attention_heads is None


@pytest.mark.parametrize("wrong", [{"policy": "stack"}, {"cores": -1}, {"rack": "b"}])
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PlacementRules.model_validate(wrong)
