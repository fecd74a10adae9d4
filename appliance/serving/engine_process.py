"""The engine of a served version: its command from the pack and from where this home keeps things."""

import os
from collections.abc import Generator
from contextlib import contextmanager

from appliance.base.errors import Conflict
from appliance.base.paths import Home
from appliance.base.settings import Settings
from appliance.engines.chat import ChatFacts
from appliance.engines.install import installed_environment
from appliance.engines.launch import LaunchValues, engine_command
from appliance.engines.pack import EnginePack
from appliance.engines.process import EngineProcess, start_process
from appliance.hardware.discovery import discover
from appliance.hardware.world import World
from appliance.licences.fingerprint import observe
from appliance.licences.folder import open_data_key
from appliance.serving.spec import ReplicaSpec
from appliance.serving.strays import marks_of
from appliance.weights.sealed.handover import handed_over
from model_catalog.weight_form import form_of_folder


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
    with key_for(spec, home) as key_fd:
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
                architecture=form_of_folder(spec.weights_path).architecture,
                chat=spec.chat or ChatFacts(),
                key_fd=key_fd,
            ),
            extra_argv=spec.engine_args,
            marks=marks_of(home, replica_pid=os.getpid()),
        )
        passed = () if key_fd is None else (key_fd,)
        return start_process(command, cwd=home.run, socket=socket, log=log, pass_fds=passed)


@contextmanager
def key_for(spec: ReplicaSpec, home: Home) -> Generator[int | None]:
    """The descriptor by which the engine's processes get the key of sealed weights; None for open ones.

    Raises LicenceRefused where no licence in the home opens them here and now. The key is wiped here once it is handed
    over: a start anew asks the licence anew.
    """
    if spec.sealed is None:
        yield None
        return
    cards = [card.uuid for card in discover().accelerators if card.uuid]
    key = bytearray(open_data_key(home, spec.sealed, observation=observe(World(), accelerators=cards)))
    try:
        ranks = spec.tensor_parallel_size * spec.pipeline_parallel_size
        with handed_over(key, digest=spec.sealed, processes=ranks) as descriptor:
            yield descriptor
    finally:
        key[:] = bytes(len(key))
