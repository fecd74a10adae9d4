"""Sealed weights beside plain ones: decryption alone, reading alone, and with `--engine` a whole load in vLLM.

Decryption: 4 MiB chunks from memory into memory used before, AES-256-GCM beside ChaCha20-Poly1305 of the same library.
Reading: all tensors of a model of random weights, copied into memory that is there already, as an engine's parameters
are; by the reader that the engine's plug-in uses, and by `safetensors` with torch, in the engine's own Python. Once
with the files in the page cache, where decryption has nothing to hide behind, and once after the kernel was told to
forget them (`posix_fadvise`), as at a first start.
Load: vLLM's own figure ("Loading weights took") and the time until it is healthy, plain and sealed, one engine at a
time, with the files in the page cache. Rounds alternate; figures are medians. tensorizer, the named peer for encrypted
weights, is measured by nobody here: the engine packs do not carry it.

`python -m benchmarks.sealed --engines-dir DIR [--gib 1] [--rounds 5] [--engine] [--json]`; nothing else needs to run.
"""

import argparse
import json
import mmap
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.utils import Buffer

from appliance.base.child_env import engine_env
from appliance.engines.conformance.engine import EngineUnderTest
from appliance.engines.install import installed_environment
from appliance.engines.launch import PLUGINS
from appliance.engines.pack import load_pack
from appliance.weights.sealed.artifact import Artifact
from appliance.weights.sealed.form import CHUNK_BYTES
from appliance.weights.sealed.handover import handed_over
from appliance.weights.sealed.sealing import Terms, seal
from benchmarks.random_model import BUNDLED, TOKENIZER_FILES, special_tokens, vocabulary_size

PACK = "vllm-cpu"
ROUND_CHUNKS = 256
GIB = 1024**3
TARGET_DECRYPTION = 5.0
TARGET_LOAD = 1.10
LOADED = re.compile(r"Loading weights took ([\d.]+) seconds")
HIDDEN, INTERMEDIATE, HEADS = 2048, 5632, 16
LAYER_BYTES = 2 * (4 * HIDDEN * HIDDEN + 3 * HIDDEN * INTERMEDIATE)
MAKES = """
import json, sys
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
folder, config = sys.argv[1], json.loads(sys.argv[2])
torch.manual_seed(1)
with torch.device("meta"):
    shapes = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config)).state_dict()
made = {name: (torch.randn(each.shape) * 0.02).to(torch.bfloat16) for name, each in shapes.items()}
save_file(made, f"{folder}/model.safetensors", {"format": "pt"})
json.dump({**config, "architectures": ["LlamaForCausalLM"], "dtype": "bfloat16"}, open(f"{folder}/config.json", "w"))
"""
READS = """
import json, os, sys, time
from pathlib import Path
import torch
from safetensors import safe_open
import sails_sealed
sails_sealed.find_appliance()
from appliance.weights.sealed.handover import take_key
from appliance.weights.sealed.reader import open_artifact
from sails_sealed.loader import tensor_of
plain, sealed, rounds, descriptor = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
dek, digest = take_key(descriptor)
with safe_open(plain, framework="pt") as file:
    home = {name: file.get_tensor(name).clone() for name in file.keys()}

def read_plain():
    with safe_open(plain, framework="pt") as file:
        for name in file.keys():
            home[name].copy_(file.get_tensor(name))

def read_sealed():
    with open_artifact(sealed, dek=dek, digest=digest) as reader:
        for opened in reader.tensors():
            home[opened.place.name].copy_(tensor_of(opened))

def forget(folder):
    for path in Path(folder).iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

ways = (("plain", read_plain), ("sealed", read_sealed))
found = {f"{name}, {state}": [] for state in ("in memory", "from disk") for name, _ in ways}
os.sync()
for turn in range(rounds + 1):
    for state in ("in memory", "from disk"):
        for name, read in ways:
            if state == "from disk":
                forget(Path(plain).parent if name == "plain" else sealed)
            began = time.perf_counter()
            read()
            if turn:
                found[f"{name}, {state}"].append(time.perf_counter() - began)
        if state == "from disk":
            read_plain(), read_sealed()
print(json.dumps(found))
"""

Seconds = dict[str, list[float]]


class Cipher(Protocol):
    def encrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes: ...
    def decrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int: ...


def decryption(rounds: int, *, threads: int) -> dict[str, float]:
    """Decimal GB/s, per thread and of all threads together."""
    chunk = os.urandom(CHUNK_BYTES)
    ciphers: dict[str, Cipher] = {
        "AES-256-GCM": AESGCM(os.urandom(32)),
        "ChaCha20-Poly1305": ChaCha20Poly1305(os.urandom(32)),
    }
    tried: dict[str, Callable[[], float]] = {}
    for name, cipher in ciphers.items():
        sealed = cipher.encrypt(bytes(12), chunk, b"")
        tried[f"{name}, 1 thread"] = decrypting(cipher, sealed, threads=1)
        tried[f"{name}, {threads} threads"] = decrypting(cipher, sealed, threads=threads)
    found: Seconds = {name: [] for name in tried}
    for turn in range(rounds + 1):
        for name, run in tried.items():
            gigabytes = run()
            if turn:
                found[name].append(gigabytes)
    return {name: statistics.median(each) for name, each in found.items()}


def decrypting(cipher: Cipher, sealed: bytes, *, threads: int) -> Callable[[], float]:
    places = [
        memoryview(mmap.mmap(-1, 16 * CHUNK_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)) for _ in range(threads)
    ]

    def one(place: memoryview) -> None:
        for number in range(ROUND_CHUNKS // threads):
            begin = number % 16 * CHUNK_BYTES
            cipher.decrypt_into(bytes(12), sealed, b"", place[begin : begin + CHUNK_BYTES])

    def run() -> float:
        with ThreadPoolExecutor(threads) as pool:
            began = time.perf_counter()
            list(pool.map(one, places))
            return ROUND_CHUNKS // threads * threads * CHUNK_BYTES / (time.perf_counter() - began) / 1e9

    return run


def write_model(folder: Path, *, python: Path, gib: float) -> None:
    """A Llama of about `gib` GiB of random bfloat16 weights, with the bundled model's tokenizer."""
    folder.mkdir()
    for name in TOKENIZER_FILES:
        (folder / name).write_bytes((BUNDLED / name).read_bytes())
    config = {
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": max(1, round(gib * GIB / LAYER_BYTES)),
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": False,
        "vocab_size": vocabulary_size(BUNDLED),
        **special_tokens(BUNDLED),
    }
    subprocess.run([python, "-c", MAKES, str(folder), json.dumps(config)], check=True, env=engine_env({}))


def reading(plain: Path, sealed: Path, artifact: Artifact, *, dek: bytes, python: Path, rounds: int) -> Seconds:
    """Seconds of each round. The reader's Python is the engine's, with the plug-in's folder on its path."""
    env = engine_env({"PYTHONPATH": str(PLUGINS / "sealed_loader")})
    with handed_over(dek, digest=artifact.digest, processes=1) as descriptor:
        file = plain / "model.safetensors"
        argv = [str(python), "-c", READS, str(file), str(sealed), str(rounds), str(descriptor)]
        done = subprocess.run(argv, check=True, env=env, pass_fds=[descriptor], stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def loading(plain: Path, sealed: Path, artifact: Artifact, *, dek: bytes, python: Path, rounds: int) -> Seconds:
    found: Seconds = {f"{name}, {what}": [] for what in ("weights", "until healthy") for name in ("plain", "sealed")}
    for _ in range(rounds):
        note(found, "plain", loaded(plain, python=python, key_fd=None))
        with handed_over(dek, digest=artifact.digest, processes=1) as descriptor:
            note(found, "sealed", loaded(sealed, python=python, key_fd=descriptor))
    return found


def note(found: Seconds, name: str, seconds: tuple[float, float]) -> None:
    for what, value in zip(("weights", "until healthy"), seconds, strict=True):
        found[f"{name}, {what}"].append(value)


def loaded(weights: Path, *, python: Path, key_fd: int | None) -> tuple[float, float]:
    """The seconds that vLLM logs for its weights, and those until it was healthy, of one engine that is then ended."""
    with tempfile.TemporaryDirectory(prefix="ts-seal-", dir="/tmp") as made:
        engine = EngineUnderTest(load_pack(PACK), python=python, weights=weights, folder=Path(made), key_fd=key_fd)
        try:
            healthy = engine.start()
            found = LOADED.search((Path(made) / "engine.log").read_text(errors="replace"))
            assert found is not None
            return float(found[1]), healthy
        finally:
            engine.end()


def has_tensorizer(python: Path) -> bool:
    asks = "import importlib.util, sys; sys.exit(importlib.util.find_spec('tensorizer') is None)"
    return subprocess.run([python, "-c", asks], check=False, env=engine_env({})).returncode == 0


def compared(seconds: Seconds) -> dict[str, float]:
    """Medians, and of each pair the ratio."""
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    pairs = {name.removeprefix("plain, ") for name in medians if name.startswith("plain, ")}
    ratios = {f"ratio, {what}": medians[f"sealed, {what}"] / medians[f"plain, {what}"] for what in sorted(pairs)}
    return {**medians, **ratios}


def main() -> None:
    given = asked()
    report: dict[str, object] = {"decryption_gb_per_second": decryption(given.rounds, threads=given.threads)}
    if given.engines_dir:
        python = installed_environment(load_pack(PACK), engines_dir=given.engines_dir) / "bin" / "python"
        with ExitStack() as stack:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ts-seal-", dir=given.work)))
            report |= loads(work, python=python, given=given)
    print(json.dumps(report, indent=2) if given.as_json else shown(report))


def loads(work: Path, *, python: Path, given: argparse.Namespace) -> dict[str, object]:
    plain, sealed, dek = work / "plain", work / "sealed", os.urandom(32)
    print("making the model ...", file=sys.stderr)
    write_model(plain, python=python, gib=given.gib)
    began = time.perf_counter()
    artifact = seal(plain, sealed, dek=dek, terms=Terms("benchmark", Ed25519PrivateKey.generate()))
    size = (plain / "model.safetensors").stat().st_size
    made: dict[str, object] = {"model_bytes": size, "sealing_seconds": time.perf_counter() - began}
    made["tensorizer"] = "installed, not measured" if has_tensorizer(python) else "not installed"
    made["reading"] = compared(reading(plain, sealed, artifact, dek=dek, python=python, rounds=given.rounds))
    if given.engine:
        made["loading"] = compared(loading(plain, sealed, artifact, dek=dek, python=python, rounds=given.engine_rounds))
    return made


def shown(report: dict[str, object]) -> str:
    lines: list[str] = []
    for name, figure in report.items():
        if isinstance(figure, dict):
            inner: dict[str, float] = figure  # pyright: ignore[reportUnknownVariableType]
            lines += [f"{name}: {key} {value:.3f}" for key, value in inner.items()]
        else:
            lines.append(f"{name}: {figure:,.1f}" if isinstance(figure, float) else f"{name}: {figure}")
    wanted = f"wanted: AES-256-GCM at least {TARGET_DECRYPTION} GB/s per thread, ratios at most {TARGET_LOAD:.2f}"
    return "\n".join([*lines, wanted])


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines-dir", type=Path, help="where engine packs are installed; without it only decryption")
    parser.add_argument("--gib", type=float, default=1.0, help="size of the model")
    parser.add_argument(
        "--rounds", type=int, default=5, help="of decryption and reading, after one that is not counted"
    )
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--engine", action="store_true", help="also start vLLM, plain and sealed by turns")
    parser.add_argument("--engine-rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="where the model is written; else where temporary files go")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
