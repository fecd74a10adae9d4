"""Safetensors of the Llama architecture written as one GGUF file.

Names and layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. llama.cpp turns pairs of neighbouring
values in rotary attention where Hugging Face turns halves, so the rows of Q and K are put into its order.
"""
# Its libraries are in the pack's environment only.
# pyright: basic, reportMissingImports=false

import hashlib
import json
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np

ARCHITECTURE = "llama"
QUANTIZATIONS = ("none", "q8_0")
WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
OF_A_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
NO_MERGE = -1e6
FORMAT = 1
"""Of what is written here: another number makes all cached files anew."""

Document = dict[str, Any]


def convert(folder: Path, *, cache: Path, quantization: str) -> Path:
    """The GGUF file of these weights, written at the first call; where it cannot be, the program ends and says why."""
    config = read(folder / "config.json")
    refuse_what_is_not_llama(config, folder=folder)
    cache.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(f"{folder.resolve()} {quantization} {FORMAT}".encode()).hexdigest()[:24]
    done = cache / f"{name}.gguf"
    if not done.exists():
        part = done.with_suffix(f".{os.getpid()}.part")
        write(folder, part, config=config, quantization=quantization)
        part.replace(done)
    return done


def read(path: Path) -> Document:
    if not path.is_file():
        sys.exit(f"{path} is missing; the folder holds neither GGUF nor Hugging Face weights.")
    return json.loads(path.read_text())


def refuse_what_is_not_llama(config: Document, *, folder: Path) -> None:
    architectures = config.get("architectures", [])
    biased = [name for name in ("attention_bias", "mlp_bias") if config.get(name)]
    tokenizer = read(folder / "tokenizer.json")["model"]
    if architectures != ["LlamaForCausalLM"] or biased or not tokenizer.get("byte_fallback"):
        sys.exit(
            f"{folder.name}: only LlamaForCausalLM without biases and with a byte-fallback tokenizer is converted here "
            f"(this is {', '.join(architectures)}). Bring the model as GGUF, or serve it with another engine pack."
        )


def write(folder: Path, target: Path, *, config: Document, quantization: str) -> None:
    writer = gguf.GGUFWriter(target, ARCHITECTURE)
    describe(writer, config=config)
    describe_tokens(writer, folder=folder, config=config)
    for name, values in tensors(folder, config=config):
        kind = type_of(values, quantization=quantization)
        writer.add_tensor(name, values if kind is None else gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def type_of(values: np.ndarray, *, quantization: str) -> gguf.GGMLQuantizationType | None:
    """Norms stay in 32 bits. A row that no block of 32 divides stays in 16."""
    if values.ndim == 1:
        return None
    if quantization == "q8_0" and values.shape[-1] % 32 == 0:
        return gguf.GGMLQuantizationType.Q8_0
    return gguf.GGMLQuantizationType.BF16


def describe(writer: gguf.GGUFWriter, *, config: Document) -> None:
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0)}
    if rope.get("rope_type", "default") != "default":
        sys.exit(f"Rotary positions of type {rope['rope_type']} are not converted here. Bring the model as GGUF.")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads", heads))
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def describe_tokens(writer: gguf.GGUFWriter, *, folder: Path, config: Document) -> None:
    """llama.cpp's own tokenizer joins the pair with the highest score first: the rank of a merge, counted backwards."""
    tokenizer = read(folder / "tokenizer.json")
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    special = {token["content"] for token in tokenizer["added_tokens"] if token["special"]}
    ranks: dict[str, int] = {}
    for rank, pair in enumerate(tokenizer["model"]["merges"]):
        ranks.setdefault("".join(pair.split(" ") if isinstance(pair, str) else pair), rank)
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    unknown = tokenizer["model"].get("unk_token")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token.encode() for token in tokens])
    writer.add_token_scores([-float(ranks[token]) if token in ranks else NO_MERGE for token in tokens])
    writer.add_token_types([kind_of(token, special=special, unknown=unknown) for token in tokens])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(True)
    if unknown is not None:
        writer.add_unk_token_id(vocabulary[unknown])
    template = folder / "chat_template.jinja"
    if template.is_file():
        writer.add_chat_template(template.read_text())


def kind_of(token: str, *, special: set[str], unknown: str | None) -> gguf.TokenType:
    if token == unknown:
        return gguf.TokenType.UNKNOWN
    if token in special:
        return gguf.TokenType.CONTROL
    if len(token) == len("<0x00>") and token.startswith("<0x"):
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL


def tensors(folder: Path, *, config: Document) -> Iterator[tuple[str, np.ndarray]]:
    """Every tensor under its name in GGUF, as 32-bit numbers."""
    heads = config["num_attention_heads"]
    groups = {"q_proj": heads, "k_proj": config.get("num_key_value_heads", heads)}
    for path in sorted(folder.glob("*.safetensors")):
        for name, values in read_safetensors(path):
            module = name.removesuffix(".weight")
            projection = module.rpartition(".")[2]
            yield gguf_name(module), in_pairs(values, heads=groups[projection]) if projection in groups else values


def gguf_name(module: str) -> str:
    if module in WHOLE:
        return f"{WHOLE[module]}.weight"
    _, _, layer, rest = module.split(".", 3)
    if rest not in OF_A_LAYER:
        sys.exit(f"The tensor {module} has no place in a Llama model. Bring the model as GGUF.")
    return f"blk.{layer}.{OF_A_LAYER[rest]}.weight"


def in_pairs(values: np.ndarray, *, heads: int) -> np.ndarray:
    rows, *rest = values.shape
    halves = values.reshape(heads, 2, rows // heads // 2, *rest)
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(values.shape)


def read_safetensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """https://huggingface.co/docs/safetensors: eight bytes of length, a JSON header, the numbers."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    (length,) = struct.unpack("<Q", raw[:8].tobytes())
    header = json.loads(raw[8 : 8 + length].tobytes())
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            yield name, as_floats(raw[begin:end].tobytes(), kind=entry["dtype"], name=name).reshape(entry["shape"])


def as_floats(raw: bytes, *, kind: str, name: str) -> np.ndarray:
    match kind:
        case "BF16":
            return (np.frombuffer(raw, dtype=np.uint16).astype(np.uint32) << 16).view(np.float32)
        case "F16":
            return np.frombuffer(raw, dtype=np.float16).astype(np.float32)
        case "F32":
            return np.frombuffer(raw, dtype=np.float32)
        case _:
            sys.exit(f"The tensor {name} is of type {kind}, which is not converted here. Bring the model as GGUF.")
