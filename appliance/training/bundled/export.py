# torch and transformers are not in the core environment, where the types are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
"""Writes the model as an engine reads it: bfloat16 safetensors, configs, tokenizer, and a manifest beside them."""

import copy
import hashlib
import json
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from model_catalog.bundled.weights import MANIFEST, FileRecord, Manifest


def export(
    model: LlamaForCausalLM, *, tokenizer: PreTrainedTokenizerFast, folder: Path, recipe_digest: str
) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _name_tokenizer_class(folder / "tokenizer_config.json")
    _write_generation_config(folder, config=model.config.to_dict())
    (folder / "model.safetensors").chmod(0o644)
    manifest = Manifest(
        recipe_sha256=recipe_digest,
        parameters=sum(weight.numel() for weight in model.parameters()),
        files={path.name: _record(path) for path in sorted(folder.iterdir())},
    )
    (folder.parent / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


def _name_tokenizer_class(path: Path) -> None:
    """The old name of the class, which transformers 4 and 5 both know."""
    config = json.loads(path.read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n")


def _write_generation_config(folder: Path, *, config: dict[str, object]) -> None:
    """Greedy by default: a small model that samples makes things up."""
    wanted = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    text = json.dumps({**wanted, "do_sample": False, "temperature": 0.0}, indent=2)
    (folder / "generation_config.json").write_text(text + "\n")


def _record(path: Path) -> FileRecord:
    content = path.read_bytes()
    return FileRecord(size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
