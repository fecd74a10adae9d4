"""Small random-weight models of every attention shape that vLLM runs on the CPU, made by transformers itself.

The configs are the models' own classes at a hidden size of 512, large enough that a percent of their weights is not
noise. transformers and torch live in the engine's environment, so a script is run with that environment's Python.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.random_model import BUNDLED, TOKENIZER_FILES, vocabulary_size

MAKE_SECONDS = 300.0
MAKER = """
import json, sys
import torch
from transformers import AutoConfig, AutoModelForCausalLM
config = json.load(open(sys.argv[1]))
torch.manual_seed(1)
made = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), dtype=torch.bfloat16)
made.save_pretrained(sys.argv[2], safe_serialization=True)
"""
ROW = {
    "hidden_size": 512,
    "intermediate_size": 1408,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
}
EXPERTS = {"moe_intermediate_size": 256, "num_experts": 16, "num_experts_per_tok": 2}
MLA = {"kv_lora_rank": 256, "qk_rope_head_dim": 32, "qk_nope_head_dim": 64, "v_head_dim": 64, "num_key_value_heads": 8}
ROUTED = {"n_routed_experts": 16, "n_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1}
DELTA = {
    "linear_num_key_heads": 4,
    "linear_num_value_heads": 8,
    "linear_key_head_dim": 64,
    "linear_value_head_dim": 64,
    "full_attention_interval": 4,
}


@dataclass(frozen=True)
class ShapeCase:
    """`kind` is the attention shape that it stands for."""

    name: str
    kind: str
    config: dict[str, Any]


CASES = (
    ShapeCase("llama", "grouped-query", {**ROW, "model_type": "llama"}),
    ShapeCase("qwen3", "grouped-query, norms on heads", {**ROW, "model_type": "qwen3"}),
    ShapeCase("mistral", "sliding window in all layers", {**ROW, "model_type": "mistral", "sliding_window": 1024}),
    ShapeCase(
        "gemma3",
        "sliding window in 5 of 6 layers",
        {
            **ROW,
            "model_type": "gemma3_text",
            "sliding_window": 512,
            "num_hidden_layers": 12,
            "tie_word_embeddings": True,
        },
    ),
    ShapeCase("qwen3-moe", "experts", {**ROW, **EXPERTS, "model_type": "qwen3_moe", "mlp_only_layers": []}),
    ShapeCase(
        "deepseek-v2",
        "MLA, experts",
        {**ROW, **MLA, **ROUTED, **EXPERTS, "model_type": "deepseek_v2", "q_lora_rank": None},
    ),
    ShapeCase(
        "deepseek-v3",
        "MLA, experts",
        {
            **ROW,
            **MLA,
            **ROUTED,
            **EXPERTS,
            "model_type": "deepseek_v3",
            "q_lora_rank": 192,
            "topk_method": "noaux_tc",
        },
    ),
    ShapeCase(
        "qwen3-next",
        "hybrid: gated delta net",
        {**ROW, **DELTA, **EXPERTS, "model_type": "qwen3_next", "shared_expert_intermediate_size": 256},
    ),
    ShapeCase(
        "granite-hybrid",
        "hybrid: Mamba 2",
        {
            **ROW,
            "model_type": "granitemoehybrid",
            "intermediate_size": 256,
            "shared_intermediate_size": 512,
            "num_local_experts": 8,
            "num_experts_per_tok": 2,
            "mamba_n_heads": 16,
            "mamba_d_head": 64,
            "mamba_d_state": 64,
            "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 2,
        },
    ),
)


def write_case(case: ShapeCase, folder: Path, *, python: Path, tokenizer: Path = BUNDLED) -> None:
    """Fill `folder` with the model's files and a tokenizer; raises CalledProcessError where transformers refuses it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {**case.config, "vocab_size": vocabulary_size(tokenizer)}
    asked = folder / "asked.json"
    asked.write_text(json.dumps(config))
    command = [str(python), "-c", MAKER, str(asked), str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=MAKE_SECONDS)
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, folder / name)
