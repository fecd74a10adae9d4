"""How fast a model is imported and verified, beside what the disk alone and SHA-256 alone can do in the same run.

`python benchmarks/weights.py [--gib 4] [--rounds 6] [--folder DIR]`. The rounds are interleaved, so a disk that slows
down slows all of them; printed are medians, and the share of the slower of the two bounds (target: 80 %).
The source is read from the page cache where it fits, as a folder that was just copied to the box would be.
"""

import argparse
import hashlib
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


def make_model(folder: Path, *, n_bytes: int) -> None:
    """Random bytes, as trained weights hardly compress and some disks do."""
    folder.mkdir()
    random = np.random.default_rng(7)
    for number in range(-(-n_bytes // SHARD_BYTES)):
        size = min(SHARD_BYTES, n_bytes - number * SHARD_BYTES)
        save_file({"w": random.integers(0, 256, size, dtype=np.uint8)}, folder / f"model-{number:05}.safetensors")
    (folder / "config.json").write_text("{}")


def write_alone(source: Path, target: Path) -> None:
    """The disk: write as many bytes and wait until they are on it; no reading, no hashing."""
    block = os.urandom(CHUNK_BYTES)
    target.mkdir()
    for path in source.iterdir():
        with (target / path.name).open("wb", buffering=0) as stream:
            for _ in range(-(-path.stat().st_size // CHUNK_BYTES)):
                stream.write(block)
            os.fsync(stream.fileno())


def read_alone(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as stream:
            while stream.read(CHUNK_BYTES):
                pass


def hash_alone(n_bytes: int) -> None:
    """SHA-256 of memory that is at hand."""
    block = os.urandom(CHUNK_BYTES)
    digest = hashlib.sha256()
    for _ in range(n_bytes // CHUNK_BYTES):
        digest.update(block)


def forget_cached(folder: Path) -> None:
    """Ask the kernel to drop what it keeps of these files, so that a read is a read of the disk."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def one_round(source: Path, scratch: Path, *, n_bytes: int, import_first: bool) -> dict[str, float]:
    """Seconds of each. Who writes second finds a busier disk, so the rounds take turns."""
    os.sync()
    store = WeightStore(scratch / "store")
    writes: list[tuple[str, Callable[[], object]]] = [
        ("disk write", lambda: write_alone(source, scratch / "plain")),
        ("import", lambda: store.publish(source)),
    ]
    seconds = {"sha-256": timed(lambda: hash_alone(n_bytes))}
    for name, work in reversed(writes) if import_first else writes:
        os.sync()
        seconds[name] = timed(work)
    version = store.versions_folder / store.versions()[0]
    forget_cached(version)
    seconds["disk read"] = timed(lambda: read_alone(version))
    forget_cached(version)
    seconds["verify"] = timed(lambda: store.verify(version.name))
    shutil.rmtree(scratch / "store")
    shutil.rmtree(scratch / "plain")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--folder", type=Path, help="On the disk that is meant; a temporary folder when left out.")
    options = parser.parse_args()
    n_bytes = int(options.gib * GIB)
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        scratch = Path(place)
        make_model(scratch / "model", n_bytes=n_bytes)
        read_alone(scratch / "model")
        rounds = [
            one_round(scratch / "model", scratch, n_bytes=n_bytes, import_first=bool(number % 2))
            for number in range(options.rounds)
        ]
    report(rounds, n_bytes=n_bytes)


def report(rounds: list[dict[str, float]], *, n_bytes: int) -> None:
    speed = {name: n_bytes / statistics.median(each[name] for each in rounds) / 1e6 for name in rounds[0]}
    print(f"{n_bytes / GIB:.2f} GiB, {len(rounds)} interleaved rounds, medians")
    for name, figure in speed.items():
        spread = [n_bytes / each[name] / 1e6 for each in rounds]
        print(f"  {name:<11} {figure:8.0f} MB/s   ({min(spread):.0f} to {max(spread):.0f})")
    for name, disk in (("import", "disk write"), ("verify", "disk read")):
        shares = [max(each[disk], each["sha-256"]) / each[name] for each in rounds]
        print(
            f"  {name} of the slower of {disk} and sha-256 per round: median {statistics.median(shares):.2f}, "
            f"{min(shares):.2f} to {max(shares):.2f} (target 0.80)"
        )


if __name__ == "__main__":
    main()
