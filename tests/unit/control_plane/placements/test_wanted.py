"""What a served model asks of the planner."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.base.paths import PROJECT_ROOT
from appliance.placement.nodes import CardView, NodeView, NumaView
from appliance.placement.planner import plan
from control_plane.placements.wanted import (
    NOWHERE,
    Order,
    PlacementRules,
    Stock,
    cores_of,
    demand_of,
    obstacle_to,
    unplaced_pack,
    ways_of,
)

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


def packs_of(order: Order, *nodes: NodeView) -> list[str]:
    return list(dict.fromkeys(layout.pack for layout in ways_of(order, Stock(nodes))))


def test_whatever_is_installed_and_serves_the_task_from_these_files(tmp_path: Path) -> None:
    assert packs_of(ORDER, WITH_CARD) == ["vllm-cuda", "vllm-cpu"]
    both = replace(NODE, packs=frozenset({"llamacpp-cpu", "vllm-cpu", "of-a-newer-release"}))
    assert packs_of(ORDER, both) == ["vllm-cpu", "llamacpp-cpu"]
    assert packs_of(replace(ORDER, task="embedding"), both) == ["vllm-cpu"]
    assert packs_of(replace(ORDER, task="rerank"), both) == ["vllm-cpu"]
    (tmp_path / "model.gguf").touch()
    assert packs_of(replace(ORDER, folder=tmp_path), both) == ["llamacpp-cpu"]


def test_a_pack_that_was_chosen_is_the_only_one() -> None:
    assert packs_of(replace(ORDER, pack="vllm-cuda"), WITH_CARD) == ["vllm-cuda"]
    assert packs_of(replace(ORDER, pack="llamacpp-cpu", preferred_pack="vllm-cpu"), NODE) == ["llamacpp-cpu"]
    missing = obstacle_to(replace(ORDER, pack="vllm-cuda"), Stock([NODE]))
    assert missing == "The engine pack vllm-cuda is not installed on any node."


def test_the_catalogues_pack_goes_before_others_where_it_can_run() -> None:
    assert packs_of(replace(ORDER, preferred_pack="vllm-cpu"), WITH_CARD) == ["vllm-cpu"]
    assert packs_of(replace(ORDER, preferred_pack="sglang-cuda"), WITH_CARD) == ["vllm-cuda", "vllm-cpu"]
    small = replace(WITH_CARD, host_memory_bytes=GIB // 2)
    assert packs_of(replace(ORDER, preferred_pack="vllm-cpu"), small) == ["vllm-cuda"]


def test_what_the_weights_are_made_of_decides(tmp_path: Path) -> None:
    both = replace(WITH_CARD, packs=frozenset({"vllm-cuda", "vllm-cpu", "llamacpp-cpu"}))
    assert packs_of(replace(ORDER, quantization="awq"), both) == ["vllm-cuda"]
    assert packs_of(replace(ORDER, families=("cpu",)), both) == ["vllm-cpu", "llamacpp-cpu"]
    assert packs_of(replace(ORDER, sealed="abc"), both) == ["vllm-cuda", "vllm-cpu"]
    (tmp_path / "config.json").write_text('{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}')
    assert packs_of(replace(ORDER, folder=tmp_path), both) == ["vllm-cuda", "vllm-cpu"]


def test_what_no_pack_runs_says_which_need_none_meets(tmp_path: Path) -> None:
    said = "No engine pack that is installed here serves"
    stock = Stock([NODE])
    assert obstacle_to(ORDER, stock) is None
    assert (
        obstacle_to(replace(ORDER, quantization="fp8"), stock) == f"{said} chat models from safetensors files in fp8."
    )
    (tmp_path / "model.gguf").touch()
    gguf = replace(ORDER, folder=tmp_path)
    assert obstacle_to(gguf, stock) == f"{said} chat models from gguf files."
    chosen = obstacle_to(replace(gguf, pack="vllm-cpu"), stock)
    assert chosen == "The engine pack vllm-cpu does not serve chat models from gguf files."
    large = replace(ORDER, folder=Path("/nowhere"), size_bytes=900 * GIB)
    assert "of main memory; the largest node has 20.0 GiB." in str(obstacle_to(large, stock))


def test_where_the_cluster_places_a_pack_for_these_files_is_taken(tmp_path: Path) -> None:
    assert unplaced_pack(ORDER) == "vllm-cpu"
    assert unplaced_pack(replace(ORDER, preferred_pack="vllm-cuda")) == "vllm-cuda"
    assert unplaced_pack(replace(ORDER, preferred_pack="vllm-cuda", pack="sglang-cuda")) == "sglang-cuda"
    (tmp_path / "model.gguf").touch()
    assert unplaced_pack(replace(ORDER, folder=tmp_path, preferred_pack="vllm-cpu")) == "llamacpp-cpu"


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
