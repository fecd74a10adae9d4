"""Prefix affinity: a prompt goes where its beginning was seen last, because that replica's KV cache holds it. Pure.

The prompt's bytes are hashed in a chain of blocks. The replica that saw the longest run of blocks gets the request; a
prompt that nobody saw goes by rendezvous hashing of its first block, so that several gateways agree without talking.
Both only within a load bound, so that a hot prefix spills over to the next ones (Mirrokni, Thorup and Zadimoghaddam,
"Consistent Hashing with Bounded Loads", SODA 2018). Longest match instead of one hash of the first bytes: with one hash
all conversations under a shared system prompt would be one and the same prefix. The Gateway API's inference extension
scores so too: https://gateway-api-inference-extension.sigs.k8s.io/guides/epp-configuration/prefix-aware/
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from appliance.gateway.routing.weights import point_of

BLOCK_BYTES = 512
MOST_BLOCKS = 64
MOST_REMEMBERED = 65_536
LOAD_FACTOR = 1.25


class PrefixMemory:
    """Which replica saw a block chain last; the oldest are forgotten."""

    def __init__(self, *, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._seen: OrderedDict[bytes, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def remember(self, blocks: Sequence[bytes], *, replica_id: str) -> None:
        for block in blocks:
            self._seen[block] = replica_id
            self._seen.move_to_end(block)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)

    def preferred(self, blocks: Sequence[bytes], *, replica_ids: Sequence[str]) -> list[str]:
        """All of `replica_ids`: those with the longest matches first, then by rendezvous."""
        order: list[str] = []
        for block in reversed(blocks):
            holder = self._seen.get(block)
            if holder is not None and holder in replica_ids and holder not in order:
                order.append(holder)
        first = blocks[0].hex() if blocks else ""
        others = [replica_id for replica_id in replica_ids if replica_id not in order]
        return [*order, *sorted(others, key=lambda replica_id: point_of(replica_id, first), reverse=True)]


def chain(prompt: bytes) -> list[bytes]:
    """The hash of each whole block together with all before it; of a short prompt the one hash of all of it."""
    running = hashlib.blake2b(digest_size=8)
    if len(prompt) < BLOCK_BYTES:
        running.update(prompt)
        return [running.digest()]
    chained: list[bytes] = []
    for first in range(0, min(len(prompt), BLOCK_BYTES * MOST_BLOCKS) - BLOCK_BYTES + 1, BLOCK_BYTES):
        running.update(prompt[first : first + BLOCK_BYTES])
        chained.append(running.digest())
    return chained


def prompt_of(body: bytes, *, content_field: str) -> bytes:
    """The body from its content on: a hint is enough, and a second parse would cost more than it brings.

    Inside text the quotes are escaped, so a field's name in quotes is a field.
    """
    at = body.find(b'"%b"' % content_field.encode())
    return body[at : at + BLOCK_BYTES * MOST_BLOCKS] if at >= 0 else b""


def bounded(loads: Sequence[int]) -> int:
    """The most that one replica may have in flight, the new request included, to be chosen for its prefix."""
    share = LOAD_FACTOR * (sum(loads) + 1) / len(loads)
    return max(1, -int(-share // 1))
