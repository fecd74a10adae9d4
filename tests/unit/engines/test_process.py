"""What an engine inherits: the descriptors that it is given, through its keeper, which keeps none of them."""

import os
import sys
from pathlib import Path

from appliance.engines.launch import EngineCommand
from appliance.engines.process import start_process
from tests.fixtures.waiting import wait_until

READS = "import os, sys, time; print(os.read(int(sys.argv[1]), 9).decode(), flush=True); time.sleep(600)"


def test_the_engine_inherits_what_it_is_given_and_the_keeper_keeps_none(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"a message")
    os.close(theirs)
    log = tmp_path / "engine.log"
    command = EngineCommand([sys.executable, "-I", "-c", READS, str(ours)], env={})
    process = start_process(command, cwd=tmp_path, socket=tmp_path / "e.sock", log=log, pass_fds=(ours,))
    try:
        wait_until(lambda: log.exists() and "a message" in log.read_text(), what="the engine read it", seconds=20)
        assert pipe_of(os.getpid(), ours) == pipe_of(process.pid, ours)
        assert pipe_of(process.keeper.pid, ours) != pipe_of(os.getpid(), ours)
    finally:
        process.end()
        os.close(ours)


def pipe_of(pid: int, descriptor: int) -> str | None:
    path = Path(f"/proc/{pid}/fd/{descriptor}")
    return str(path.readlink()) if path.exists() or path.is_symlink() else None
