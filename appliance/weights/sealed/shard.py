"""One sealed file, open for reading at any place."""

import mmap
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag

from appliance.weights.sealed import form
from appliance.weights.sealed.artifact import Artifact, ArtifactFile
from appliance.weights.sealed.derive import Key, shard_cipher
from appliance.weights.sealed.form import TAG_BYTES, ShardHeader, damaged
from appliance.weights.sealed.tensors import LENGTH_BYTES, TensorPlace, parse_table, table_bytes


class SealedShard:
    """Decrypts chunks of a mapped file straight into the caller's memory; several threads may do so at once.

    A file that is cut short while it is mapped ends the process with SIGBUS, as any mapped file does: the weight
    store's files are read-only and are replaced by a rename, never cut.
    """

    def __init__(self, path: Path, *, dek: Key, artifact: Artifact, file: ArtifactFile) -> None:
        """Raises BadRequest where the file is not shard `file` of `artifact`, whole."""
        self.name = file.path
        self.header = form.read_header(path)
        refuse_stranger(self.header, artifact=artifact, file=file)
        self.cipher = shard_cipher(dek, self.header)
        self.block_digest = form.block_digest(self.header)
        self.body = len(form.preamble(self.header.block()))
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size != file.bytes:
                raise damaged(self.name, "it changed while it was opened.")
            self.mapped = mmap.mmap(descriptor, file.bytes, prot=mmap.PROT_READ)
        finally:
            os.close(descriptor)
        self.view = memoryview(self.mapped)
        try:
            self.tensors = {place.name: place for place in self.table()}
        except BaseException:
            self.close()
            raise

    def open_chunk(self, chunk: int, into: memoryview) -> None:
        """Decrypt chunk `chunk` into `into`, which has its exact size; it is overwritten where the chunk is damaged."""
        begin = self.body + chunk * (self.header.chunk_bytes + TAG_BYTES)
        beside = form.bound(self.header, block_digest=self.block_digest, chunk=chunk)
        try:
            with self.view[begin : begin + len(into) + TAG_BYTES] as sealed:
                self.cipher.decrypt_into(form.nonce(chunk), sealed, beside, into)
        except InvalidTag as error:
            into[:] = bytes(len(into))
            raise damaged(self.name, f"chunk {chunk} of {self.header.chunks} is not what was sealed.") from error

    def openers(self, first: int, last: int, into: memoryview) -> list[Callable[[], None]]:
        """The work of opening chunks `first` to `last` (without it) into `into`, chunk by chunk."""
        size = self.header.chunk_bytes
        return [
            self.opener(chunk, into[(chunk - first) * size :][: self.header.chunk_size(chunk)])
            for chunk in range(first, last)
        ]

    def opener(self, chunk: int, into: memoryview) -> Callable[[], None]:
        return lambda: self.open_chunk(chunk, into)

    def expect(self, first: int, last: int) -> None:
        """Have the kernel read the chunks from the disk, without waiting for it."""
        begin, end = (self.body + chunk * (self.header.chunk_bytes + TAG_BYTES) for chunk in (first, last))
        begin -= begin % mmap.PAGESIZE
        self.mapped.madvise(mmap.MADV_WILLNEED, begin, min(end, len(self.mapped)) - begin)

    def read(self, begin: int, end: int) -> memoryview:
        """Plain bytes `begin` to `end`, in memory of their own; the caller has checked that the file has them."""
        size = self.header.chunk_bytes
        first, last = begin // size, -(-end // size)
        opened = memoryview(bytearray(sum(self.header.chunk_size(chunk) for chunk in range(first, last))))
        for work in self.openers(first, last, opened):
            work()
        return opened[begin - first * size : end - first * size]

    def read_tensor(self, name: str) -> memoryview:
        """The bytes of one tensor; raises KeyError for a name that the shard does not have."""
        place = self.tensors[name]
        return self.read(place.begin, place.end)

    def table(self) -> tuple[TensorPlace, ...]:
        start = bytes(self.read(0, LENGTH_BYTES))
        length = table_bytes(start, plain_bytes=self.header.plain_bytes, what=self.name)
        text = self.read(LENGTH_BYTES, LENGTH_BYTES + length)
        return parse_table(bytes(text), plain_bytes=self.header.plain_bytes, what=self.name)

    def close(self) -> None:
        self.view.release()
        self.mapped.close()


def refuse_stranger(header: ShardHeader, *, artifact: Artifact, file: ArtifactFile) -> None:
    """What a header claims is authenticated with every chunk; what it must claim, the manifest says."""
    said = (header.model_id, header.artifact_id, header.key_id, header.chunk_bytes, header.shard, header.shards)
    shared = (artifact.model_id, artifact.artifact_id, artifact.key_id, artifact.chunk_bytes)
    if said != (*shared, file.shard, len(artifact.shards)) or form.sealed_bytes(header) != file.bytes:
        raise damaged(file.path, "it is not the file that the manifest lists.")
