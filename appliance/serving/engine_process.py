"""The engine of a served version: its command from the pack and from where this home keeps things."""

import os

from appliance.base.errors import Conflict
from appliance.base.paths import Home
from appliance.base.settings import Settings
from appliance.engines.install import installed_environment
from appliance.engines.launch import LaunchValues, engine_command
from appliance.engines.pack import EnginePack
from appliance.engines.process import EngineProcess, start_process
from appliance.serving.spec import ReplicaSpec
from appliance.serving.strays import marks_of


def start_engine(spec: ReplicaSpec, *, pack: EnginePack, settings: Settings, replica_id: str) -> EngineProcess:
    """Start the engine of `spec` and return at once. Raises Conflict when the pack's version is another one."""
    if spec.engine_version != pack.version:
        raise Conflict(
            f"{spec.model_name} wants {pack.name} {spec.engine_version}; this appliance carries {pack.version}.",
            hint="Deploy the model again with the version that is here.",
        )
    home = Home(spec.home)
    short = replica_id[-8:]
    socket = home.engine_sockets / f"{short}.sock"
    log = home.logs / f"engine-{spec.served_model_id[-8:]}-{short}.log"
    environment = installed_environment(pack, engines_dir=settings.engines_dir)
    command = engine_command(
        pack,
        task=spec.task,
        values=LaunchValues(
            python=environment / "bin" / "python",
            pack=pack.folder,
            weights=spec.weights_path,
            model_name=spec.model_name,
            socket=socket,
            max_model_len=spec.max_model_len,
            kv_cache_bytes=spec.kv_cache_bytes,
            cache=settings.engine_cache,
            tensor_parallel_size=spec.tensor_parallel_size,
            pipeline_parallel_size=spec.pipeline_parallel_size,
            cards=spec.cards,
            cores=spec.cores,
        ),
        extra_argv=spec.engine_args,
        marks=marks_of(home, replica_pid=os.getpid()),
    )
    return start_process(command, cwd=home.run, socket=socket, log=log)
