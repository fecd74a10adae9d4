"""The schema of an engine pack, and the loader of the packs that ship with the appliance."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from appliance.base.errors import NotFound
from appliance.base.tasks import Task

PACKS = Path(__file__).parent / "packs"

WeightFormat = Literal["safetensors", "gguf"]
Listening = Literal["unix", "tcp"]
"""On one box a unix socket; across nodes an address and a port. Some vendors' forks know only the second."""


class PackPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TorchBuilds(PackPart):
    """torch twice, because the CPU build is a file of its own that only some indexes and wheel folders carry."""

    cpu: str = Field(description="Locked requirements of the CPU build.")
    accelerated: str = Field(description="torch of the ordinary index with the libraries it needs to be imported.")
    accelerated_needed_bytes: int = Field(description="Disk that the installation takes with the ordinary build.")


class Environment(PackPart):
    """An environment of the pack's own, from locked requirements with hashes, without resolving dependencies again."""

    kind: Literal["environment"]
    python: str = Field(description="Python version of the environment, such as 3.11.")
    requirements: str = Field(description="Locked requirements without torch, beside pack.yaml.")
    torch: TorchBuilds | None = None
    needed_bytes: int = Field(description="Disk that the installation takes at least, in bytes.")

    @property
    def files(self) -> tuple[str, ...]:
        """All locked requirement files."""
        return (self.requirements, *((self.torch.cpu, self.torch.accelerated) if self.torch else ()))


class Image(PackPart):
    """A container image of the vendor's. What is empty is not known yet: the import that brings the image pins it."""

    kind: Literal["image"]
    repository: str = Field("", description="Its path without a registry's host: the box's own registry holds it.")
    tag: str = ""
    digest: str = Field("", pattern=r"^(?:sha256:[0-9a-f]{64})?$")
    program: str = Field("python3", description="Python inside the image, for `{python}` in templates.")


Install = Annotated[Environment | Image, Field(discriminator="kind")]


class Threads(PackPart):
    """How an engine on the processor is told where its threads run; `{cores}` are those that it is bound to."""

    argv: tuple[str, ...] = ()
    env: dict[str, str] = {}


class Sealed(PackPart):
    """What an engine that loads sealed weights is told beside; `{key_fd}` is the descriptor it gets the key by, and
    `{plugins}` the folder of what runs inside engines (`appliance/engines/plugins`)."""

    argv: tuple[str, ...]
    env: dict[str, str]


class Parsers(PackPart):
    """How an engine is told which parser takes an answer apart. The catalogue's names are vLLM's.

    A name that is neither in `names` nor in `renamed` was not in the engine's list in this version: it starts without.
    """

    argv: tuple[str, ...] = Field((), description="`{parser}` is the engine's own name.")
    names: tuple[str, ...] = Field((), description="The catalogue's names that are the engine's too.")
    renamed: dict[str, str] = Field({}, description="What the engine calls others, by the catalogue's name.")
    finds_itself: bool = Field(False, description="It reads the form off the chat template and asks for no name.")


class Sampling(PackPart):
    """How an engine is told what holds where a request says nothing."""

    argv: tuple[str, ...] = Field(description="`{sampling}` is a JSON object.")
    names: dict[str, str] = Field(description="The engine's names of `temperature` and so on; it is told no other.")


class Launch(PackPart):
    """Templates over `{name}` placeholders: see `appliance.engines.launch.LaunchValues`."""

    argv: tuple[str, ...]
    listen_argv: dict[Listening, tuple[str, ...]] = Field(min_length=1, description="Where it listens.")
    parallel_argv: tuple[str, ...] = Field((), description="For more than one card.")
    task_argv: dict[Task, tuple[str, ...]]
    task_env: dict[Task, dict[str, str]] = {}
    architecture_argv: dict[Task, dict[str, tuple[str, ...]]] = Field(
        {}, description="For models whose config.json names this architecture, beside `task_argv`."
    )
    tools: Parsers | None = Field(None, description="Of tool calls; None where it has no such thing.")
    reasoning: Parsers | None = None
    sampling: Sampling | None = None
    env: dict[str, str] = {}
    bound: Threads = Field(default=Threads(), description="Where cores were chosen for it.")
    unbound: Threads = Field(default=Threads(), description="Where it shares the processor with others.")
    requests_at_once: int | None = Field(
        None, ge=1, description="Requests that it works on at once, where its arguments fix that; the rest waits."
    )
    sealed: Sealed | None = Field(None, description="For sealed weights; None where the engine cannot load them.")


class MetricNames(PackPart):
    """Prometheus series behind each figure of `appliance.engines.probe.EngineLoad`; same names are summed."""

    running: str
    waiting: str
    kv_cache_usage: str | None = Field(None, description="None where the engine does not tell.")
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


Evidence = Literal["conformance", "unverified"]
"""`conformance`: the conformance suite passed on real hardware of the family. Else nobody of us has run it."""


class KnownLimit(PackPart):
    code: str
    text: str


class EnginePack(PackPart):
    """One engine in one version for one or more accelerator families."""

    name: str
    engine: str
    version: str = Field(description="The engine's; of a vendor's fork the one it is built on.")
    evidence: Evidence
    source: str = Field(description="The page that the pack was written from.")
    distribution: str | None = Field(None, description="What the package is called in the index, of an environment.")
    accelerators: tuple[str, ...] = Field(min_length=1, description="Families, as discovery names them.")
    architectures: tuple[str, ...] = Field((), description="Of those families only these, as discovery names them.")
    machine: str = Field(description="`uname -m` that the locked files are built for.")
    weight_formats: tuple[WeightFormat, ...] = Field(min_length=1)
    only_architectures: dict[WeightFormat, tuple[str, ...]] = Field(
        {}, description="Of files of this format only models of these `architectures` of config.json."
    )
    quantizations: tuple[str, ...] = Field((), description="Forms of quantized weights that it serves.")
    cpu_flags: tuple[str, ...] = Field((), description="Flags of /proc/cpuinfo without which it does not start.")
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
