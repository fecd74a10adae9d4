"""llama.cpp's own server on a unix socket, until SIGTERM. Runs in the pack's environment, with nothing of ours in it.

The folder of weights holds one GGUF file, or safetensors that are written as GGUF into the cache first.
"""
# Its libraries are in the pack's environment only.
# pyright: basic, reportMissingImports=false

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import gguf
import xllamacpp

sys.path.insert(0, str(Path(__file__).parent))
from write_gguf import QUANTIZATIONS, convert

MOST_SLOTS = 16
F16_BYTES = 2


def main() -> None:
    options = parse()
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    if options.cores:
        os.sched_setaffinity(0, cores_of(options))
    weights = gguf_of(Path(options.weights), cache=Path(options.cache), quantization=options.quantization)
    slots = slots_of(weights, kv_cache_bytes=options.kv_cache_bytes, max_model_len=options.max_model_len)
    socket = Path(options.socket)
    socket.unlink(missing_ok=True)
    server = xllamacpp.Server(parameters(options, weights=weights, slots=slots))
    socket.chmod(0o600)
    sys.stdout.write(f"{options.model_name} is served with {slots} slots of {options.max_model_len} tokens\n")
    sys.stdout.flush()
    signal.sigwait(stops)
    del server


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True, help="folder with one GGUF file, or with safetensors")
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--socket", required=True, help="path of the unix socket, ending in .sock")
    parser.add_argument("--max-model-len", type=int, required=True)
    parser.add_argument("--kv-cache-bytes", type=int, required=True)
    parser.add_argument("--cache", required=True, help="where converted weights are kept")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="none", help="of converted weights")
    parser.add_argument("--sampling", type=json.loads, default={}, help="JSON of what holds where a request is silent")
    parser.add_argument("--cores", default="", help="logical CPUs to run on, one thread each, as 0,1,2")
    return parser.parse_args()


def cores_of(options: argparse.Namespace) -> set[int]:
    return {int(number) for number in options.cores.split(",")}


def gguf_of(folder: Path, *, cache: Path, quantization: str) -> Path:
    found = sorted(folder.glob("*.gguf"))
    if len(found) == 1:
        return found[0]
    if found:
        sys.exit(f"{folder} holds {len(found)} GGUF files; one is wanted.")
    return convert(folder, cache=cache, quantization=quantization)


def slots_of(weights: Path, *, kv_cache_bytes: int, max_model_len: int) -> int:
    """How many requests run at once: as many whole contexts as the cache holds, at least one."""
    fields = gguf.GGUFReader(weights).fields
    architecture = str(fields["general.architecture"].contents())

    def figure(name: str, default: int) -> int:
        field = fields.get(f"{architecture}.{name}")
        return int(field.contents()) if field else default

    heads = figure("attention.head_count", 1)
    head_size = figure("embedding_length", heads) // heads
    width = figure("attention.key_length", head_size) + figure("attention.value_length", head_size)
    per_token = figure("block_count", 1) * figure("attention.head_count_kv", heads) * width * F16_BYTES
    return max(1, min(MOST_SLOTS, kv_cache_bytes // (per_token * max_model_len)))


def parameters(options: argparse.Namespace, *, weights: Path, slots: int) -> xllamacpp.CommonParams:
    """https://github.com/ggml-org/llama.cpp/blob/master/common/common.h, `common_params`."""
    made = xllamacpp.CommonParams()
    made.model.path = str(weights)
    made.model_alias = {options.model_name}
    made.hostnames = [options.socket]
    made.n_parallel = slots
    made.n_ctx = slots * options.max_model_len
    made.endpoint_metrics = True
    made.endpoint_props = False
    made.endpoint_slots = False
    made.ui = False
    made.use_jinja = True
    for name, value in options.sampling.items():
        setattr(made.sampling, name, value)
    if options.cores:
        made.cpuparams.n_threads = len(cores_of(options))
    return made


if __name__ == "__main__":
    main()
