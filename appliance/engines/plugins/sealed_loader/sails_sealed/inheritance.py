"""The descriptor of the key's socket, for processes that the engine starts; and the fence around one that has a key."""

import ctypes
import os
import resource
import socket
from collections.abc import Sequence
from multiprocessing import util

DESCRIPTOR = "TS_SEALED_KEY_FD"
"""The variable that holds the descriptor's number: of the key itself it says nothing."""
PR_SET_DUMPABLE = 4
WORKER = "--multiprocessing-fork"
"""In the command of a process that `multiprocessing` spawns for a target, and in that of none of its own servants."""

passed_on: list[int] = []


def pass_on(descriptor: int) -> None:
    """Let workers that `multiprocessing` spawns inherit `descriptor`, under its number.

    vLLM starts its engine core and its ranks by `spawn` wherever its processes have threads, and that closes every
    descriptor that it was not told of (`multiprocessing/util.py`, `spawnv_passfds`). Programs that an engine starts by
    `subprocess` do not inherit it; one of them (`vllm.model_executor.models.registry`) loads plug-ins too.
    """
    if passed_on or not is_key_socket(descriptor):
        return
    os.set_inheritable(descriptor, False)
    passed_on.append(descriptor)
    spawn = util.spawnv_passfds

    def spawn_with_key(path: bytes, args: Sequence[str], passfds: Sequence[int]) -> int:
        wanted = {*passfds, descriptor} if WORKER in args else passfds
        return spawn(path, args, tuple(wanted))

    util.spawnv_passfds = spawn_with_key


def is_key_socket(descriptor: int) -> bool:
    """In a process that did not inherit it, the number may be free or stand for something else."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as held:
            return held.family == socket.AF_UNIX and held.type == socket.SOCK_SEQPACKET
    except OSError:
        return False


def refuse_onlookers() -> None:
    """No core dump of this process, and no debugger or memory reader of the same user (prctl(2), PR_SET_DUMPABLE;
    ptrace(2), "Ptrace access mode checking"). Against root this does nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_DUMPABLE was refused")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
