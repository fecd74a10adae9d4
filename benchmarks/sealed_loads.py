"""Run by `benchmarks.sealed` in the engine's Python: vLLM's loader, plain and sealed by turns, in one process.

A start of an engine takes half a minute and loads once; here a round is a new model (so new memory for its parameters)
and `load_weights`, nothing of which is ours but the loader. Arguments: plain folder, sealed folder, rounds. Prints one
line of JSON: of each round wall seconds and processor seconds.
"""
# Its libraries are in the engine's environment only.
# pyright: basic, reportMissingImports=false

import gc
import json
import os
import sys
import tempfile
import time

import sails_sealed
import torch
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.distributed import init_distributed_environment, initialize_model_parallel
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.model_loader import get_model_loader
from vllm.utils.torch_utils import set_default_torch_dtype

FORMATS = {"plain": "auto", "sealed": sails_sealed.LOAD_FORMAT}


def load(config: VllmConfig) -> tuple[float, float, float]:
    """Wall and processor seconds, and a sum over the weights by which both loads are compared."""
    config.compilation_config.static_forward_context.clear()
    with set_current_vllm_config(config), set_default_torch_dtype(torch.bfloat16), torch.device("cpu"):
        loader = get_model_loader(config.load_config)
        model = loader.create_model(config, config.model_config)
        worked, began = time.process_time(), time.perf_counter()
        loader.load_weights(model, config.model_config)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
    total = sum(float(each.view(-1)[::100_003].double().sum()) for each in model.parameters())
    del model
    gc.collect()
    return seconds, worked, total


def main(plain: str, sealed: str, rounds: int) -> None:
    sails_sealed.register()
    configs = {
        name: EngineArgs(
            model=folder, load_format=FORMATS[name], max_model_len=1024, enforce_eager=True, dtype="bfloat16"
        ).create_engine_config()
        for name, folder in (("plain", plain), ("sealed", sealed))
    }
    with set_current_vllm_config(configs["plain"]), tempfile.TemporaryDirectory() as made:
        init_distributed_environment(1, 0, f"file://{made}/meet", 0, "gloo")
        initialize_model_parallel(1, 1)
    found = {f"{name}, {what}": [] for what in ("weights", "processor") for name in configs}
    totals = set()
    for turn in range(rounds + 1):
        for name in sorted(configs, reverse=bool(turn % 2)):
            seconds, worked, total = load(configs[name])
            totals.add(total)
            if turn:
                found[f"{name}, weights"].append(seconds)
                found[f"{name}, processor"].append(worked)
    assert len(totals) == 1, "the sealed load gave other weights"
    print(json.dumps(found))


os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
