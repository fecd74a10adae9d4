"""How fast a model is imported and verified, beside what the disk alone and SHA-256 alone do around it.

`python -m benchmarks.weights [--gib 4] [--rounds 6] [--folder DIR] [--json]`; needs no appliance, and three times the
room of the model. Each import stands between two halves of the disk alone (as many bytes written and synced) and two
halves of SHA-256 alone, each verification likewise with reads; the share is that of the slower of the two bounds, of
each round by itself. Before a read the kernel is told to forget the files; an import reads its source from the page
cache where it fits, as a folder that was just copied to the box would be.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from appliance.weights.store import WeightStore

CHUNK_BYTES = 4 * 1024 * 1024
SHARD_BYTES = 512 * 1024 * 1024
GIB = 2**30
TARGET = 0.80

Seconds = dict[str, float]
Alone = dict[str, Callable[[list[Path]], None]]


def make_model(folder: Path, *, n_bytes: int) -> None:
    """Random bytes, as trained weights hardly compress and some disks do."""
    folder.mkdir()
    random = np.random.default_rng(7)
    for number in range(-(-n_bytes // SHARD_BYTES)):
        size = min(SHARD_BYTES, n_bytes - number * SHARD_BYTES)
        save_file({"w": random.integers(0, 256, size, dtype=np.uint8)}, folder / f"model-{number:05}.safetensors")
    (folder / "config.json").write_text("{}")


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_alone(files: list[Path], target: Path) -> None:
    """The disk: write as many bytes and wait until they are on it; no reading, no hashing."""
    block = os.urandom(CHUNK_BYTES)
    target.mkdir()
    for path in files:
        with (target / path.name).open("wb", buffering=0) as stream:
            for _ in range(-(-path.stat().st_size // CHUNK_BYTES)):
                stream.write(block)
            os.fsync(stream.fileno())


def read_alone(files: list[Path]) -> None:
    for path in files:
        with path.open("rb", buffering=0) as stream:
            while stream.read(CHUNK_BYTES):
                pass


def hash_alone(files: list[Path]) -> None:
    """SHA-256 of memory that is at hand, as many bytes."""
    block = os.urandom(CHUNK_BYTES)
    digest = hashlib.sha256()
    for _ in range(sum(path.stat().st_size for path in files) // CHUNK_BYTES):
        digest.update(block)


def forget_cached(files: list[Path]) -> None:
    """Ask the kernel to drop what it keeps of these files, so that a read is a read of the disk."""
    os.sync()
    for path in files:
        with path.open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def have_memory(n_bytes: int) -> None:
    """Use as much memory and give it back. A virtual machine may have returned what was free to its host; whoever
    filled the page cache first would pay for having it again (measured: 2 GiB written in 1.7 s first, in 5 s second).
    """
    np.ones(n_bytes, dtype=np.uint8)


def timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def between(work: Callable[[], object], alone: Alone, files: list[Path], *, prepare: Callable[[], None]) -> Seconds:
    """Seconds of `work`, and of each bound: one half of the files before, the other half after, so that a disk or a
    neighbour that slows down meanwhile slows both. `prepare` runs before each, and does not count."""
    half = len(files) // 2
    found: Seconds = dict.fromkeys(alone, 0.0)

    def measure(some: list[Path]) -> None:
        for name, bound in alone.items():
            prepare()
            found[name] += timed(lambda bound=bound: bound(some))

    measure(files[:half])
    prepare()
    found["work"] = timed(work)
    measure(files[half:])
    return found


def one_round(source: Path, scratch: Path) -> dict[str, Seconds]:
    store, plain = WeightStore(scratch / "store"), scratch / "plain"
    files, n_bytes = files_of(source), sum(path.stat().st_size for path in files_of(source))

    def before_writing() -> None:
        shutil.rmtree(plain, ignore_errors=True)
        read_alone(files)
        os.sync()
        have_memory(n_bytes)

    def before_reading() -> None:
        forget_cached(stored)
        have_memory(n_bytes)

    writing: Alone = {"disk write": lambda some: write_alone(some, plain), "sha-256": hash_alone}
    found = {"import": between(lambda: store.publish(source), writing, files, prepare=before_writing)}
    version = store.versions()[0]
    stored = files_of(store.path_of(version))
    reading: Alone = {"disk read": read_alone, "sha-256": hash_alone}
    found["verify"] = between(lambda: store.verify(version), reading, stored, prepare=before_reading)
    shutil.rmtree(scratch / "store")
    shutil.rmtree(plain, ignore_errors=True)
    return found


def main() -> None:
    options = asked()
    n_bytes = int(options.gib * GIB)
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        scratch = Path(place)
        make_model(scratch / "model", n_bytes=n_bytes)
        rounds: list[dict[str, Seconds]] = []
        for _ in range(options.rounds):
            rounds.append(one_round(scratch / "model", scratch))
            if options.verbose:
                print(json.dumps(rounds[-1]), flush=True)
    found = {name: compared([each[name] for each in rounds], n_bytes=n_bytes) for name in ("import", "verify")}
    print(json.dumps(found, indent=2) if options.as_json else shown(found, options))


def compared(rounds: list[Seconds], *, n_bytes: int) -> dict[str, list[float]]:
    """MB/s of the work and of each bound, and the share of the slower bound: median, least, most of the rounds."""
    figures = {name: [n_bytes / each[name] / 1e6 for each in rounds] for name in rounds[0]}
    shares = [max(seconds for name, seconds in each.items() if name != "work") / each["work"] for each in rounds]
    figures["share of the slower"] = shares
    return {name: [statistics.median(each), min(each), max(each)] for name, each in figures.items()}


def shown(found: dict[str, dict[str, list[float]]], options: argparse.Namespace) -> str:
    lines = [f"{options.gib:.2f} GiB, {options.rounds} rounds: median (least to most)"]
    for work, figures in found.items():
        for name, (median, least, most) in figures.items():
            unit, digits = ("", 2) if name.startswith("share") else (" MB/s", 0)
            lines.append(f"  {work}: {name:<20} {median:8.{digits}f}{unit} ({least:.{digits}f} to {most:.{digits}f})")
    return "\n".join([*lines, f"wanted: a share of at least {TARGET:.2f}"])


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--folder", type=Path, help="on the disk that is meant; a temporary folder when left out")
    parser.add_argument("--verbose", action="store_true", help="print the seconds of each round as it ends")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
