"""Memory that is populated ahead is there before it is written, and what was written meanwhile stays."""

import ctypes
import importlib.util
import mmap
import os
from pathlib import Path
from threading import Event
from types import ModuleType

import pytest

from appliance.engines.launch import PLUGINS

LENGTH = 32 * 1024 * 1024
BEFORE_POPULATE = (5, 14)
"""The kernel that brought MADV_POPULATE_WRITE (madvise(2))."""


@pytest.fixture
def pages() -> ModuleType:
    """By its file, for the folder that it lies in is on the path of engines only."""
    spec = importlib.util.spec_from_file_location("pages", PLUGINS / "sealed_loader" / "sails_sealed" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def new_memory() -> tuple[mmap.mmap, int]:
    memory = mmap.mmap(-1, LENGTH, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    return memory, ctypes.addressof(ctypes.c_char.from_buffer(memory))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def knows_populate() -> bool:
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(minor)) >= BEFORE_POPULATE


@pytest.mark.skipif(not knows_populate(), reason="the kernel is older than MADV_POPULATE_WRITE")
def test_memory_is_there_before_it_is_written(pages: ModuleType) -> None:
    memory, address = new_memory()
    memory[:5] = b"first"
    before = resident_bytes()
    pages.populate([(address, LENGTH)], Event())
    assert resident_bytes() - before > LENGTH * 0.9
    assert memory[:8] == b"first\0\0\0"


def test_what_is_written_meanwhile_stays(pages: ModuleType) -> None:
    memory, address = new_memory()
    with pages.populated_ahead([(address + 100, LENGTH - 200)]):
        for place in range(0, LENGTH, mmap.PAGESIZE):
            memory[place] = place // mmap.PAGESIZE % 251
    assert all(memory[place] == place // mmap.PAGESIZE % 251 for place in range(0, LENGTH, mmap.PAGESIZE))


def test_it_stops_with_the_loading(pages: ModuleType) -> None:
    stop = Event()
    stop.set()
    _, address = new_memory()
    before = resident_bytes()
    pages.populate([(address, LENGTH)], stop)
    assert resident_bytes() - before < LENGTH / 2


def test_memory_that_is_not_there_is_left_alone(pages: ModuleType) -> None:
    before = resident_bytes()
    with pages.populated_ahead([(mmap.PAGESIZE, mmap.PAGESIZE)]):
        assert resident_bytes() - before < LENGTH / 2


def test_less_than_a_page_is_left_alone(pages: ModuleType) -> None:
    memory, address = new_memory()
    memory[10:30] = bytes(range(20))
    pages.populate([(address + 10, 20)], Event())
    assert memory[10:30] == bytes(range(20))
