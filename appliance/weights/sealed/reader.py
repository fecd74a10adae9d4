"""A sealed artifact, opened in memory: tensors in the order of the files, or any one by its name.

Some threads decrypt the next window while the caller copies this one. What is in memory beside the caller's own
tensors is bounded by three windows; where a tensor is larger than a window, by three of the largest tensor.
"""

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import NotFound
from appliance.weights.sealed.artifact import Artifact, check_plain_files, read_named
from appliance.weights.sealed.derive import Key, refuse_wrong_key
from appliance.weights.sealed.shard import SealedShard
from appliance.weights.sealed.slabs import Slabs
from appliance.weights.sealed.tensors import TensorPlace
from appliance.weights.sealed.windows import WINDOW_BYTES, Window, plan, slab_bytes

MOST_THREADS = 4
"""One core decrypts about 10 GB/s, so that more of them wait for the disk or the memory."""

Choose = Callable[[str], bool]


@dataclass(frozen=True)
class OpenedTensor:
    """`dtype` as safetensors names it. Its bytes are `place.end - place.begin` from `offset` of `memory`, and stay as
    long as somebody holds `memory`; an empty tensor has empty memory."""

    place: TensorPlace
    memory: memoryview
    offset: int


class SealedReader:
    def __init__(self, artifact: Artifact, shards: list[SealedShard], *, threads: int) -> None:
        self.artifact = artifact
        self.shards = shards
        self.threads = threads
        self.home = {name: shard for shard in shards for name in shard.tensors}
        lengths = (self.length(window) for window in self.windows(lambda _: True))
        self.slabs = Slabs(slab_bytes(lengths, window_bytes=WINDOW_BYTES))

    def names(self) -> tuple[str, ...]:
        return tuple(self.home)

    def tensor(self, name: str) -> tuple[TensorPlace, memoryview]:
        """One tensor by itself; raises NotFound."""
        if name not in self.home:
            raise NotFound(f"The sealed weights have no tensor {name!r:.80}.")
        shard = self.home[name]
        return shard.tensors[name], shard.read_tensor(name)

    def tensors(self, choose: Choose = lambda _: True) -> Generator[OpenedTensor]:
        """The tensors whose names `choose` accepts; of others no chunk is opened that no accepted one shares."""
        waiting = deque(self.windows(choose))
        yield from (OpenedTensor(place, memoryview(b""), 0) for place in self.empty_ones(choose))
        with ThreadPoolExecutor(self.threads, thread_name_prefix="sealed") as pool:
            ahead: deque[Opening] = deque()
            try:
                while waiting or ahead:
                    while waiting and len(ahead) < 2:
                        ahead.append(self.start(waiting.popleft(), pool))
                    yield from self.finish(ahead.popleft())
            finally:
                for opening in ahead:
                    opening.cancel()

    def windows(self, choose: Choose) -> list[Window]:
        return [
            window
            for number, shard in enumerate(self.shards)
            for window in plan(
                number,
                (place for place in shard.tensors.values() if choose(place.name)),
                chunk_bytes=shard.header.chunk_bytes,
                window_bytes=WINDOW_BYTES,
            )
        ]

    def length(self, window: Window) -> int:
        return (window.last - window.first) * self.shards[window.shard].header.chunk_bytes

    def empty_ones(self, choose: Choose) -> Generator[TensorPlace]:
        for shard in self.shards:
            yield from (place for place in shard.tensors.values() if place.begin == place.end and choose(place.name))

    def start(self, window: Window, pool: ThreadPoolExecutor) -> "Opening":
        shard = self.shards[window.shard]
        shard.expect(window.first, window.last)
        memory = self.slabs.take(self.length(window))
        work = shard.openers(window.first, window.last, memory)
        return Opening(window, memory, [pool.submit(each) for each in work], shard.header.chunk_bytes)

    def finish(self, opening: "Opening") -> Generator[OpenedTensor]:
        opening.wait()
        first = opening.window.first * opening.chunk_bytes
        for place in opening.window.places:
            yield OpenedTensor(place, opening.memory, place.begin - first)

    def close(self) -> None:
        """Overwrites opened memory that nobody holds any more, and lets go of the files."""
        self.slabs.close()
        for shard in self.shards:
            shard.close()


@dataclass(frozen=True)
class Opening:
    """A window whose chunks are being decrypted into `memory`."""

    window: Window
    memory: memoryview
    parts: "list[Future[None]]"
    chunk_bytes: int

    def wait(self) -> None:
        """Raises BadRequest where a chunk is damaged; then no thread writes into the memory any more."""
        try:
            for part in self.parts:
                part.result()
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        for part in self.parts:
            part.cancel()
        for part in self.parts:
            if not part.cancelled():
                part.exception()


@contextmanager
def open_artifact(folder: Path, *, dek: Key, digest: str, threads: int | None = None) -> Generator[SealedReader]:
    """The sealed weights in `folder`, which must be the artifact that `digest` names (a licence does).

    The plain files beside them are checked, the sealed ones are as they are read. Raises BadRequest for another
    artifact, a wrong key, and for whatever is not as it was sealed. `threads`: as many as there are cores, at most 4.
    """
    artifact = read_named(folder, digest=digest)
    refuse_wrong_key(dek, artifact_id=artifact.artifact_id, wanted=artifact.key_id)
    check_plain_files(folder, artifact)
    shards: list[SealedShard] = []
    try:
        for file in artifact.shards:
            shards.append(SealedShard(folder / file.path, dek=dek, artifact=artifact, file=file))  # noqa: PERF401
        reader = SealedReader(artifact, shards, threads=threads or min(MOST_THREADS, len(os.sched_getaffinity(0))))
    except BaseException:
        for shard in shards:
            shard.close()
        raise
    try:
        yield reader
    finally:
        reader.close()
