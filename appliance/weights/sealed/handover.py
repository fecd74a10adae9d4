"""How the key reaches the engine: records in a unix socket pair whose one end the engine's processes inherit.

Each process that loads weights takes one record, and there are exactly as many as there are such processes; then the
socket is at its end. So no key is in an environment, an argument, a file or a server that somebody could ask. The
records lie in the kernel's memory until they are taken, and go with the socket when the engine dies before.
"""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager

from appliance.base.errors import SetupError
from appliance.weights.sealed.derive import KEY_BYTES, Key

DIGEST_BYTES = 32
RECORD_BYTES = KEY_BYTES + DIGEST_BYTES


@contextmanager
def handed_over(dek: Key, *, digest: str, processes: int) -> Generator[int]:
    """The descriptor to start the engine with (`pass_fds`); it is closed here afterwards.

    `digest` names the artifact that the key is for; `processes` is how many will load weights: all ranks of tensor and
    pipeline parallelism.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        for _ in range(processes):
            ours.sendmsg([dek, bytes.fromhex(digest)])
        ours.close()
        yield theirs.fileno()


def take_key(descriptor: int) -> tuple[bytearray, str]:
    """The key and the digest of its artifact; raises SetupError where none is left. Wipe the key after use."""
    record = bytearray(RECORD_BYTES)
    if os.readv(descriptor, [record]) != RECORD_BYTES:
        raise SetupError("No key of sealed weights is left for this process.", hint="Start the engine anew.")
    with memoryview(record) as view:
        key, digest = bytearray(view[:KEY_BYTES]), view[KEY_BYTES:].hex()
    record[:] = bytes(RECORD_BYTES)
    return key, digest
