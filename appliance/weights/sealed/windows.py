"""In which pieces a sealed artifact is opened: runs of chunks that hold whole tensors. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.weights.sealed.tensors import TensorPlace

WINDOW_BYTES = 32 * 1024 * 1024
"""A chunk between two windows is opened for both: at 4 MiB of 32 that is at most one in eight."""
KEPT_BYTES = 512 * 1024 * 1024
"""A tensor of more is opened into memory of its own. The largest of a layer of 70 billion parameters has 448 MiB; of an
embedding it may be 2 GiB, once per model."""


@dataclass(frozen=True)
class Window:
    """Chunks `first` to `last` (without it) of a shard, which hold `places` whole."""

    shard: int
    first: int
    last: int
    places: tuple[TensorPlace, ...]


def plan(shard: int, places: Iterable[TensorPlace], *, chunk_bytes: int, window_bytes: int) -> list[Window]:
    """Windows of at most `window_bytes`, but for a tensor that is larger; no window holds a chunk that no tensor needs.

    `places` in the order of the file; empty tensors are in no window.
    """
    most = max(1, window_bytes // chunk_bytes)
    windows: list[Window] = []
    for place in places:
        if place.begin == place.end:
            continue
        first, last = place.begin // chunk_bytes, -(-place.end // chunk_bytes)
        grown = windows[-1] if windows else None
        if grown and first <= grown.last and last - grown.first <= most:
            windows[-1] = Window(shard, grown.first, last, (*grown.places, place))
        else:
            windows.append(Window(shard, first, last, (place,)))
    return windows


def slab_bytes(lengths: Iterable[int], *, window_bytes: int) -> int:
    """The size of memory that is used again and again: of the longest window up to `KEPT_BYTES`, since new memory
    costs more than to decrypt into it. What of it a shorter window leaves alone takes no memory."""
    return max((length for length in lengths if window_bytes < length <= KEPT_BYTES), default=window_bytes)
