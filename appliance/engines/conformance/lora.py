"""LoRA, where the pack claims it: an adapter comes and goes while the engine runs.

The adapter changes nothing (its B matrices are zero), so its answers must be the base model's, under its own name.
Layout: https://huggingface.co/docs/peft/developer_guides/checkpoint, https://huggingface.co/docs/safetensors
"""

import json
import struct
from array import array
from pathlib import Path

from appliance.engines.conformance.checks import require
from appliance.engines.conformance.engine import CHAT, EngineUnderTest, chat
from model_catalog.bundled.reference import Reference

ADAPTER = "adapter-under-test"
RANK = 8


def write_adapter(folder: Path, *, weights: Path) -> None:
    """A LoRA of the query projections for the Llama model in `weights`."""
    config = json.loads((weights / "config.json").read_text())
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    rows = config["num_attention_heads"] * config["head_dim"]
    tensors: dict[str, tuple[float, tuple[int, int]]] = {}
    for layer in range(layers):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{name}.lora_A.weight"] = (0.01, (RANK, hidden))
        tensors[f"{name}.lora_B.weight"] = (0.0, (rows, RANK))
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(safetensors_of(tensors))
    adapter = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": RANK, "target_modules": ["q_proj"],
        "bias": "none", "base_model_name_or_path": "",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(adapter))


def safetensors_of(tensors: dict[str, tuple[float, tuple[int, int]]]) -> bytes:
    """Each tensor one value throughout, given with its shape, in 32 bits."""
    header: dict[str, object] = {}
    numbers = array("f")
    for name, (value, (rows, columns)) in tensors.items():
        begin = len(numbers) * numbers.itemsize
        numbers.extend([value] * (rows * columns))
        offsets = [begin, len(numbers) * numbers.itemsize]
        header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": offsets}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers.tobytes()


def load_and_unload(engine: EngineUnderTest, reference: Reference) -> str:
    calls = engine.pack.lora
    assert calls is not None
    folder = engine.folder / "adapter"
    write_adapter(folder, weights=engine.weights)
    question = reference.answers[0].question
    base = engine.ask(question).text
    status, said = engine.post(calls.load_path, {"lora_name": ADAPTER, "lora_path": str(folder)})
    require(status == 200, f"Loading the adapter got {status}: {said[:200]!r}.")
    status, said = engine.post(CHAT, {**chat(question), "model": ADAPTER})
    require(status == 200, f"Asking the adapter got {status}: {said[:200]!r}.")
    text = json.loads(said)["choices"][0]["message"]["content"]
    require(text == base, f"An adapter of zeros changed the answer from {base!r} to {text!r}.")
    status, said = engine.post(calls.unload_path, {"lora_name": ADAPTER})
    require(status == 200, f"Unloading the adapter got {status}: {said[:200]!r}.")
    status, _ = engine.post(CHAT, {**chat(question), "model": ADAPTER})
    require(status == 404, f"After unloading, the adapter's name got {status} instead of 404.")
    return "loaded, asked, unloaded"
