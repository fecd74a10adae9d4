"""The schema of an engine pack, and the loader of the packs that ship with the appliance."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from appliance.base.errors import NotFound

PACKS = Path(__file__).parent / "packs"

Task = Literal["chat", "embedding"]


class PackPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Install(PackPart):
    """An environment of the pack's own, from locked requirements with hashes, without resolving dependencies again."""

    python: str = Field(description="Python version of the environment, such as 3.11.")
    requirements: str = Field(description="Locked requirements without torch, beside pack.yaml.")
    cpu_torch: str = Field(description="torch built for the CPU, which only some indexes and wheel folders carry.")
    accelerated_torch: str = Field(
        description="torch of the ordinary index with the libraries it needs to be imported."
    )
    needed_bytes: int = Field(description="Disk that the installation takes at least, in bytes.")
    accelerated_torch_needed_bytes: int = Field(description="The same with the accelerator build of torch.")


class Launch(PackPart):
    """Templates over `{name}` placeholders: see `appliance.engines.launch.PLACEHOLDERS`."""

    argv: tuple[str, ...]
    task_argv: dict[Task, tuple[str, ...]]
    task_env: dict[Task, dict[str, str]] = {}
    env: dict[str, str] = {}


class MetricNames(PackPart):
    """Prometheus series behind each figure of `appliance.engines.probe.EngineLoad`; same names are summed."""

    running: str
    waiting: str
    kv_cache_usage: str
    prompt_tokens: str
    generation_tokens: str


class Probe(PackPart):
    health_path: str
    metrics_path: str
    metrics: MetricNames


class LoraCalls(PackPart):
    """How adapters come and go while the engine runs."""

    argv: tuple[str, ...]
    env: dict[str, str]
    load_path: str
    unload_path: str


class KnownLimit(PackPart):
    code: str
    text: str


class EnginePack(PackPart):
    """One engine in one version for one or more accelerator families."""

    name: str
    engine: str
    version: str
    distribution: str = Field(description="What the package is called in the index; its name and the engine's differ.")
    accelerators: tuple[str, ...] = Field(min_length=1)
    machine: str = Field(description="`uname -m` that the locked files are built for.")
    cpu_flags: tuple[str, ...] = Field(description="Flags of /proc/cpuinfo without which the engine does not start.")
    cpu_flags_wanted: tuple[str, ...] = Field(default=(), description="Flags that make it faster.")
    tasks: tuple[Task, ...]
    install: Install
    launch: Launch
    probe: Probe
    lora: LoraCalls | None = None
    known_limits: tuple[KnownLimit, ...] = ()

    @property
    def folder(self) -> Path:
        return PACKS / self.name.replace("-", "_")

    def file(self, name: str) -> Path:
        """A file that lies beside `pack.yaml`."""
        return self.folder / name


@cache
def load_pack(name: str) -> EnginePack:
    """The pack `name` (`vllm-cpu`); raises NotFound when the appliance carries none of that name."""
    source = PACKS / name.replace("-", "_") / "pack.yaml"
    if not source.is_file():
        raise NotFound(f"There is no engine pack {name!r}.", hint=f"Known: {', '.join(pack_names())}.")
    return EnginePack.model_validate(yaml.safe_load(source.read_text()))


def pack_names() -> list[str]:
    return sorted(source.parent.name.replace("_", "-") for source in PACKS.glob("*/pack.yaml"))
