"""New memory, handed out by the kernel before it is written: a fault for each 4 KiB costs more than the page itself."""

import ctypes
import mmap
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from threading import Event, Thread

MADV_POPULATE_WRITE = 23
"""Linux 5.14, madvise(2); an older kernel refuses it, and pages come as they are written."""
STEP_BYTES = 8 * 1024 * 1024

Places = Iterable[tuple[int, int]]
"""Addresses and sizes."""

libc = ctypes.CDLL(None)
libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


@contextmanager
def populated_ahead(places: Places) -> Generator[None]:
    """Populate `places` in their order, in a thread of its own; what is written meanwhile stays as it was written.

    The memory has to stay until this ends.
    """
    stop = Event()
    thread = Thread(target=populate, args=(list(places), stop), name="populate", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def populate(places: Places, stop: Event) -> None:
    for address, n_bytes in places:
        begin, end = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE, (address + n_bytes) // mmap.PAGESIZE * mmap.PAGESIZE
        for step in range(begin, end, STEP_BYTES):
            if stop.is_set() or libc.madvise(step, min(STEP_BYTES, end - step), MADV_POPULATE_WRITE) != 0:
                return
