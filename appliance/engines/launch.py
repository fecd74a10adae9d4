"""From a pack and a few values to the engine's command line and environment. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from appliance.base.child_env import engine_env
from appliance.base.errors import SetupError
from appliance.base.tasks import Task
from appliance.engines.chat import ChatFacts, chat_flags
from appliance.engines.pack import EnginePack, Sealed

PLUGINS = Path(__file__).parent / "plugins"
NOT_SEALED = Sealed(argv=(), env={})


@dataclass(frozen=True)
class LaunchValues:
    """What the templates of a pack may name as `{placeholder}`; `pack` is the folder of its own files."""

    python: Path
    pack: Path
    weights: Path
    model_name: str
    socket: Path
    max_model_len: int
    kv_cache_bytes: int
    cache: Path
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    cards: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables that choose the cards (`Selectors.process`, joined by commas)."""
    cores: tuple[int, ...] = ()
    """Logical CPUs that the engine's threads are bound to; none: the kernel places them. `{cores}` joins them by
    commas."""
    architecture: str | None = None
    """What config.json of the weights names, as far as it is known."""
    chat: ChatFacts = field(default_factory=ChatFacts)
    key_fd: int | None = None
    """The descriptor that hands over the key of sealed weights (`weights.sealed.handover`); None for open weights."""


@dataclass(frozen=True)
class EngineCommand:
    argv: list[str]
    env: dict[str, str]


def engine_command(
    pack: EnginePack, *, task: Task, values: LaunchValues, extra_argv: Sequence[str] = (), marks: Mapping[str, str]
) -> EngineCommand:
    """The pack's templates filled in. `marks` are variables by which a stray engine is recognised later.

    Raises SetupError for an engine that cannot listen on a unix socket, or cannot load sealed weights and should.
    """
    names = {key: str(value) for key, value in asdict(values).items()} | {"plugins": str(PLUGINS)}
    names["cores"] = ",".join(map(str, values.cores))
    launch = pack.launch
    if "unix" not in launch.listen_argv:
        raise SetupError(
            f"The engine of {pack.name} listens on a port only, which this box keeps for engines of other nodes.",
            hint="Use a pack of a newer version of that engine.",
        )
    parallel = launch.parallel_argv if values.tensor_parallel_size * values.pipeline_parallel_size > 1 else ()
    threads = launch.bound if values.cores else launch.unbound
    sealed = NOT_SEALED if values.key_fd is None else sealed_part(pack)
    listen = launch.listen_argv["unix"]
    special = launch.architecture_argv.get(task, {}).get(values.architecture or "", ())
    template = [*launch.argv, *listen, *parallel, *threads.argv, *launch.task_argv[task], *special, *sealed.argv]
    chat = chat_flags(pack, values.chat).argv if task == "chat" else ()
    argv = [*(part.format_map(names) for part in template), *chat, *extra_argv]
    templates = {**launch.env, **threads.env, **launch.task_env.get(task, {}), **values.cards, **sealed.env}
    env = {key: value.format_map(names) for key, value in templates.items()}
    return EngineCommand(argv=argv, env=engine_env({**env, **marks}))


def sealed_part(pack: EnginePack) -> Sealed:
    if pack.launch.sealed is None:
        raise SetupError(
            f"The engine of {pack.name} cannot load sealed weights.", hint="Choose an engine pack that can."
        )
    return pack.launch.sealed
