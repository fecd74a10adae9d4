"""Reading and hashing at the speed of the slower of the two.

One thread reads ahead while another hashes: hashlib lets go of the interpreter for anything above 2 KiB
(docs.python.org/3/library/hashlib.html), and so does a read.
"""

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from appliance.base.errors import BadRequest

CHUNK_BYTES = 1024 * 1024
AHEAD = 8
"""Chunks that wait between the two threads: memory stays at 20 MiB or below, whatever the file's size."""

Advance = Callable[[int], None]


def hash_file(path: Path, *, advance: Advance) -> str:
    """SHA-256 in hexadecimal; `advance` hears the bytes of each chunk."""
    digest = hashlib.sha256()
    with open_plain(path) as descriptor, closing(read_ahead(descriptor)) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()


def copy_and_hash(source: Path, target: Path, *, advance: Advance) -> str:
    """Raises BadRequest where `source` became a link, OSError where `target` cannot be written."""
    digest = hashlib.sha256()
    with (
        open_plain(source) as descriptor,
        closing(read_ahead(descriptor)) as chunks,
        target.open("wb", buffering=0) as writer,
    ):
        for chunk in chunks:
            digest.update(chunk)
            write_all(writer.fileno(), chunk)
            advance(len(chunk))
        os.fsync(writer.fileno())
    return digest.hexdigest()


@contextmanager
def open_plain(path: Path) -> Generator[int]:
    """A descriptor for reading that follows no link: the last part of the path may have become one since it was
    examined.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.", param="source") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_ahead(descriptor: int) -> Generator[bytes]:
    """The chunks from where the descriptor stands to its end. Close the generator before the descriptor."""
    ready: queue.Queue[bytes | OSError] = queue.Queue(AHEAD)
    stop = threading.Event()

    def offer(item: bytes | OSError) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def read() -> None:
        try:
            while not stop.is_set():
                chunk = os.read(descriptor, CHUNK_BYTES)
                offer(chunk)
                if not chunk:
                    return
        except OSError as error:
            offer(error)

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        yield from drain(ready)
    finally:
        stop.set()
        reader.join()


def drain(ready: "queue.Queue[bytes | OSError]") -> Iterator[bytes]:
    while True:
        item = ready.get()
        if isinstance(item, OSError):
            raise BadRequest(f"The source cannot be read: {item.strerror}.", param="source") from item
        if not item:
            return
        yield item


def read_chunks(descriptor: int) -> Iterator[bytes]:
    """Without a thread of its own, for a part that hashes in one already: a third only takes turns with them."""
    try:
        while chunk := os.read(descriptor, CHUNK_BYTES):
            yield chunk
    except OSError as error:
        raise BadRequest(f"The source cannot be read: {error.strerror}.", param="source") from error


def write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
