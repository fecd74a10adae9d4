"""Make a Llama of about 80 M random weights: enough arithmetic per token that the engine, not the byte path, sets the
pace.

Written without torch: a Hugging Face `config.json`, a safetensors file in bfloat16, and the tokenizer files of
another model.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import safetensors

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")
BUNDLED = Path(__file__).resolve().parents[1] / "model_catalog" / "bundled" / "sails_guide" / "weights"

HIDDEN = 768
INTERMEDIATE = 2048
LAYERS = 11
HEADS = 12
SPREAD = 0.02


def write_random_model(folder: Path, *, tokenizer: Path = BUNDLED, max_model_len: int = 2048, seed: int = 1) -> int:
    """Fill `folder` with the model and return its number of parameters; `tokenizer` is a folder with
    `tokenizer.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, folder / name)
    vocabulary = vocabulary_size(tokenizer)
    special = special_tokens(tokenizer)
    (folder / "config.json").write_text(json.dumps(llama_config(vocabulary, max_model_len) | special, indent=2))
    shapes = llama_shapes(vocabulary)
    rng = np.random.default_rng(seed)
    weights = {name: as_bfloat16(random_weight(rng, name, shape)) for name, shape in shapes.items()}
    tensors = {name: bfloat16_tensor(weight) for name, weight in weights.items()}
    safetensors.serialize_file(tensors, str(folder / "model.safetensors"), {"format": "pt"})
    return sum(int(np.prod(shape)) for shape in shapes.values())


def vocabulary_size(tokenizer: Path) -> int:
    """One more than the largest token id, rounded up to a multiple of 64."""
    described = json.loads((tokenizer / "tokenizer.json").read_text())
    ids = [*described["model"]["vocab"].values(), *(token["id"] for token in described.get("added_tokens", []))]
    return -(-(max(ids) + 1) // 64) * 64


def special_tokens(tokenizer: Path) -> dict[str, int]:
    """The begin and end token ids of the tokenizer's own model, where it has a `config.json`."""
    path = tokenizer / "config.json"
    known: dict[str, int | None] = json.loads(path.read_text()) if path.is_file() else {}
    wanted = ((name, known.get(name)) for name in ("bos_token_id", "eos_token_id", "pad_token_id"))
    return {name: number for name, number in wanted if number is not None}


def llama_config(vocabulary: int, max_model_len: int) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": max_model_len,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "vocab_size": vocabulary,
        "dtype": "bfloat16",
    }


def llama_shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, HIDDEN),
        "model.norm.weight": (HIDDEN,),
    }
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        shapes |= {f"{prefix}.self_attn.{part}_proj.weight": (HIDDEN, HIDDEN) for part in "qkvo"}
        shapes |= {f"{prefix}.mlp.{part}_proj.weight": (INTERMEDIATE, HIDDEN) for part in ("gate", "up")}
        shapes[f"{prefix}.mlp.down_proj.weight"] = (HIDDEN, INTERMEDIATE)
        shapes |= {f"{prefix}.{part}_layernorm.weight": (HIDDEN,) for part in ("input", "post_attention")}
    return shapes


def random_weight(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("norm.weight"):
        return np.ones(shape, dtype=np.float32)
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(SPREAD)


def as_bfloat16(weight: np.ndarray) -> np.ndarray:
    """The upper half of each float32: bfloat16 by truncation; numpy has no such type."""
    return (np.ascontiguousarray(weight).view(np.uint32) >> 16).astype("<u2")


def bfloat16_tensor(weight: np.ndarray) -> safetensors.TensorSpec:
    """Points into `weight`, which must outlive the write."""
    return safetensors.TensorSpec(
        dtype="bfloat16", shape=list(weight.shape), data_ptr=weight.ctypes.data, data_len=weight.nbytes
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, default=BUNDLED)
    parser.add_argument("--max-model-len", type=int, default=2048)
    asked = parser.parse_args()
    count = write_random_model(asked.folder, tokenizer=asked.tokenizer, max_model_len=asked.max_model_len)
    print(f"{asked.folder}: {count / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
