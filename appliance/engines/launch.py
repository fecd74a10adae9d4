"""From a pack and a few values to the engine's command line and environment. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.base.child_env import engine_env
from appliance.engines.pack import EnginePack, Task


@dataclass(frozen=True)
class LaunchValues:
    """What the templates of a pack may name as `{placeholder}`."""

    python: Path
    weights: Path
    model_name: str
    socket: Path
    max_model_len: int
    kv_cache_bytes: int
    cache: Path


@dataclass(frozen=True)
class EngineCommand:
    argv: list[str]
    env: dict[str, str]


def engine_command(
    pack: EnginePack, *, task: Task, values: LaunchValues, extra_argv: Sequence[str] = (), marks: Mapping[str, str]
) -> EngineCommand:
    """The pack's templates filled in. `marks` are variables by which a stray engine is recognised later."""
    names = {key: str(value) for key, value in asdict(values).items()}
    template = [*pack.launch.argv, *pack.launch.task_argv[task]]
    argv = [part.format_map(names) for part in template] + list(extra_argv)
    templates = {**pack.launch.env, **pack.launch.task_env.get(task, {})}
    env = {key: value.format_map(names) for key, value in templates.items()}
    return EngineCommand(argv=argv, env=engine_env({**env, **marks}))
