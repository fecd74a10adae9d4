"""Fit's weight bytes and KV bytes per token beside what the engine itself reports, for every attention shape.

The engine is vLLM on the CPU, started by the appliance's own pack, one model at a time. Its KV figures are those that
it logs (`KV cache size: N tokens` for a cache of a given size); its weight bytes are counted inside its worker through
vLLM's own `--worker-extension-cls`, because it logs none on the CPU. What its processes hold beside weights is
reported apart: that is the process overhead for `model_catalog/fit/overheads.yaml`. A shape that the engine refuses is
listed with its last words. `python -m benchmarks.fit_against_engine --engines-dir DIR [--only llama] [--json]`; nothing
else needs to run. At most one engine at a time, `--seconds` each.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from appliance.base import clock
from appliance.engines.install import installed_environment
from appliance.engines.launch import EngineCommand, LaunchValues, engine_command
from appliance.engines.pack import EnginePack, load_pack
from appliance.engines.probe import is_healthy
from benchmarks.random_shapes import CASES, ShapeCase, write_case
from model_catalog.fit.config import read_config
from model_catalog.fit.overheads import find_overheads
from model_catalog.fit.paging import pool_of, reported_tokens
from model_catalog.fit.weights import counted, from_folder

PACK = "vllm-cpu"
MAX_MODEL_LEN = 4096
KV_CACHE_BYTES = 512 * 1024**2
ENGINE_SECONDS = 240.0
TARGET = 0.01
MLA_BLOCK_TOKENS = 16
"""vLLM's reference MLA on the CPU takes blocks of 16 tokens, whatever is asked (`platforms/cpu.py`)."""
LOGGED = re.compile(r"KV cache size: ([\d,]+) tokens")
EXTENSION = """
from vllm.model_executor.layers import utils

packed_away = []  # on the CPU a matrix is packed for oneDNN, which keeps it, and the parameter is emptied
dispatch = utils.dispatch_cpu_unquantized_gemm


def counting_dispatch(layer, remove_weight):
    before = layer.weight.untyped_storage().nbytes()
    dispatch(layer, remove_weight)
    if layer.weight.numel() == 0:
        packed_away.append(before)


utils.dispatch_cpu_unquantized_gemm = counting_dispatch


class WeightReport:
    def report_weight_bytes(self):
        model = self.get_model()
        parameters = self.storages(model.parameters())
        everything = {**parameters, **self.storages(model.buffers())}
        packed = sum(packed_away)
        return {"all": packed + sum(everything.values()), "parameters": packed + sum(parameters.values())}

    def storages(self, tensors):
        found = [tensor.untyped_storage() for tensor in tensors]
        return {storage.data_ptr(): storage.nbytes() for storage in found}
"""


@dataclass(frozen=True)
class Measured:
    """Bytes; `refused` is empty where the engine ran. Ratios are ours / the engine's."""

    name: str
    kind: str
    refused: str = ""
    engine_weight_bytes: int = 0
    file_weight_bytes: int = 0
    counted_weight_bytes: int = 0
    engine_kv_tokens: int = 0
    our_kv_tokens: int = 0
    process_bytes: int = 0

    @property
    def weight_ratio(self) -> float:
        return self.counted_weight_bytes / self.engine_weight_bytes if self.engine_weight_bytes else 0.0

    @property
    def kv_ratio(self) -> float:
        """Of bytes per token: the same memory holds so many tokens less by ours."""
        return self.engine_kv_tokens / self.our_kv_tokens if self.our_kv_tokens else 0.0

    @property
    def within(self) -> bool:
        return all(abs(ratio - 1) <= TARGET for ratio in (self.weight_ratio, self.kv_ratio))


@contextmanager
def running(command: EngineCommand, log: Path) -> Generator["subprocess.Popen[bytes]"]:
    """In a session of its own, ended with all its children."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command.argv, env=command.env, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            family = family_of(process.pid)
            for member in family:
                member.kill()
            psutil.wait_procs(family, timeout=20)
            process.wait(timeout=20)


def family_of(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return []


def start_command(pack: EnginePack, *, python: Path, weights: Path, work: Path) -> EngineCommand:
    """The pack's own chat command, with vLLM's development calls open on its private socket, for the weight count."""
    values = LaunchValues(
        python=python,
        pack=pack.folder,
        weights=weights,
        model_name="bench",
        socket=work / "e.sock",
        max_model_len=MAX_MODEL_LEN,
        kv_cache_bytes=KV_CACHE_BYTES,
        cache=work / "cache",
    )
    extra = ["--worker-extension-cls=weight_report.WeightReport", "--enforce-eager"]
    marks = {"VLLM_SERVER_DEV_MODE": "1", "PYTHONPATH": str(work)}
    return engine_command(pack, task="chat", values=values, extra_argv=extra, marks=marks)


def wait_ready(process: "subprocess.Popen[bytes]", socket: Path, *, pack: EnginePack, seconds: float) -> bool:
    deadline = clock.monotonic() + seconds
    while clock.monotonic() < deadline and process.poll() is None:
        if is_healthy(socket, probe=pack.probe, timeout_seconds=2.0):
            return True
        time.sleep(0.5)
    return False


def engine_weights(socket: Path) -> dict[str, int]:
    """Bytes of parameters, and of parameters and buffers, as the worker holds them."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://engine", timeout=60) as client:
        answer = client.post("/collective_rpc", json={"method": "report_weight_bytes"})
        answer.raise_for_status()
        return {key: int(value) for key, value in answer.json()["results"][0].items()}


def measure(case: ShapeCase, pack: EnginePack, *, python: Path, seconds: float) -> Measured:
    with tempfile.TemporaryDirectory(prefix="fit-", dir="/tmp") as folder:
        work = Path(folder)
        weights = work / "model"
        try:
            write_case(case, weights, python=python)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            return Measured(case.name, case.kind, refused=f"not made: {last_words(str(error.stderr))}")
        (work / "weight_report.py").write_text(EXTENSION)
        log = work / "engine.log"
        with running(start_command(pack, python=python, weights=weights, work=work), log) as process:
            if not wait_ready(process, work / "e.sock", pack=pack, seconds=seconds):
                return Measured(case.name, case.kind, refused=last_words(log.read_text(errors="replace")))
            held = engine_weights(work / "e.sock")
            resident = sum(member.memory_full_info().uss for member in family_of(process.pid))
        return compared(case, weights, log=log.read_text(errors="replace"), held=held, resident=resident)


def compared(case: ShapeCase, weights: Path, *, log: str, held: dict[str, int], resident: int) -> Measured:
    shape = read_config(weights)
    rules = find_overheads(PACK).rules()
    if "CPU_MLA" in log:
        rules = type(rules)(**{**asdict(rules), "block_tokens": MLA_BLOCK_TOKENS})
    pool = pool_of(shape.layers, rules, model_bytes=shape.element_bytes)
    logged = LOGGED.search(log)
    return Measured(
        name=case.name,
        kind=case.kind,
        refused="" if logged else "it logged no cache size",
        engine_weight_bytes=held["parameters"],
        file_weight_bytes=from_folder(weights).size_bytes,
        counted_weight_bytes=counted(shape).size_bytes,
        engine_kv_tokens=int(logged.group(1).replace(",", "")) if logged else 0,
        our_kv_tokens=reported_tokens(pool, rules, MAX_MODEL_LEN, memory_bytes=KV_CACHE_BYTES),
        process_bytes=resident - held["all"],
    )


def last_words(text: str) -> str:
    """The last line that names an error, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line]
    return (errors or lines or ["nothing was said"])[-1][-300:]


def report(found: list[Measured]) -> None:
    for one in found:
        print(f"{one.name}: {one.kind}")
        if one.refused:
            print(f"  not compared: {one.refused}")
            continue
        print(
            f"  weights: engine {one.engine_weight_bytes:,} B, ours {one.counted_weight_bytes:,} B "
            f"(files {one.file_weight_bytes:,} B), ratio {one.weight_ratio:.4f}"
        )
        print(f"  KV: engine {one.engine_kv_tokens:,} tokens, ours {one.our_kv_tokens:,}, ratio {one.kv_ratio:.4f}")
        print(f"  processes beside the weights: {one.process_bytes / 1024**2:,.0f} MiB")
    ran = [one for one in found if not one.refused]
    print(f"within {TARGET:.0%} of the engine: {sum(one.within for one in ran)} of {len(ran)} (all wanted)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines-dir", type=Path, required=True, help="where engine packs are installed")
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES])
    parser.add_argument("--seconds", type=float, default=ENGINE_SECONDS, help="for one engine's start")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    pack = load_pack(PACK)
    python = installed_environment(pack, engines_dir=given.engines_dir) / "bin" / "python"
    found: list[Measured] = []
    for case in CASES:
        if given.only and case.name not in given.only:
            continue
        print(f"{case.name} ...", file=sys.stderr)
        found.append(measure(case, pack, python=python, seconds=given.seconds))
    if given.as_json:
        print(json.dumps([document(one) for one in found], indent=2))
        return
    report(found)


def document(one: Measured) -> dict[str, Any]:
    return {**asdict(one), "weight_ratio": one.weight_ratio, "kv_ratio": one.kv_ratio}


if __name__ == "__main__":
    main()
