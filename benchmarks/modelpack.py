"""Export and import of a model as ModelPack beside `cp` with `sha256sum`, and `skopeo copy`, of the same bytes.

In interleaved rounds whose order alternates. `python -m benchmarks.modelpack --gib 1 --rounds 5`. The caches are warm:
what is compared is work, not the disk's first read. Every target lies on the folder's own file system; all sides end
with the data on the disk (`fsync`, or `sync` for the programs that do not).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from appliance.base.clock import monotonic
from appliance.base.paths import Home
from appliance.weights.modelpack.exporting import export_layout, pack
from appliance.weights.modelpack.importing import import_artifact
from appliance.weights.modelpack.signing import keyring_of
from appliance.weights.modelpack.sources import Source, open_layout
from appliance.weights.modelpack.volume_source import VolumeSource, find_volumes
from appliance.weights.modelpack.volume_writer import Shape, export_volumes
from appliance.weights.store import WeightStore

SHARDS = 4
GIB = 2**30
PEER = "cp + sha256sum"


def write_model(folder: Path, *, n_bytes: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(4)
    for number in range(SHARDS):
        values = random.integers(0, 2**32, n_bytes // SHARDS // 4, dtype=np.uint32)
        save_file({"weights": values}, folder / f"model-{number}.safetensors")
    (folder / "config.json").write_text("{}")
    return folder


class Bench:
    """`folder` holds a home with the model, its layout as a copy, and the volumes."""

    def __init__(self, folder: Path, *, n_bytes: int) -> None:
        self.folder = folder
        self.target = folder / "target"
        home = Home(folder / "home")
        self.store, self.keyring = WeightStore(home.weights), keyring_of(home)
        model = write_model(folder / "model", n_bytes=n_bytes)
        self.version = self.store.publish(model).digest
        shutil.rmtree(model)
        self.package = pack(self.store, self.version, keyring=self.keyring)
        self.shape = Shape(volume_bytes=max(n_bytes // 2, 2**20))
        self.made = export_layout(self.store, self.package, target=folder / "layout", copy=True)
        export_volumes(self.store, self.package, target=folder / "volumes", shape=self.shape, keyring=self.keyring)

    def sides(self) -> dict[str, Callable[[], None]]:
        sides: dict[str, Callable[[], None]] = {
            PEER: self.copy_and_sum,
            "export, copied": lambda: self.export(copy=True),
            "export, hard links": lambda: self.export(copy=False),
            "export, volumes": self.export_volumes,
            "import, layout": lambda: self.take(open_layout(self.folder / "layout")),
            "import, volumes": lambda: self.take(
                VolumeSource(find_volumes([self.folder / "volumes"]), keyring=self.keyring, unsigned=False)
            ),
        }
        if shutil.which("skopeo"):
            sides["skopeo copy"] = self.skopeo
        return sides

    def copy_and_sum(self) -> None:
        subprocess.run(["cp", "-r", self.folder / "layout", self.target], check=True)
        blobs = sorted((self.target / "blobs" / "sha256").iterdir())
        sums = subprocess.run(["sha256sum", *blobs], check=True, capture_output=True, text=True).stdout
        assert all(Path(line.split()[1]).name == line.split()[0] for line in sums.splitlines())
        os.sync()

    def export(self, *, copy: bool) -> None:
        export_layout(self.store, self.package, target=self.target, copy=copy)

    def export_volumes(self) -> None:
        """With the pieces' digests not known yet, as in a first export."""
        (self.store.root / "leaving.jsonl").unlink(missing_ok=True)
        export_volumes(self.store, self.package, target=self.target, shape=self.shape, keyring=self.keyring)

    def take(self, source: Source) -> None:
        import_artifact(WeightStore(self.target), source, keyring=self.keyring)

    def skopeo(self) -> None:
        source, target = (f"oci:{place}:{self.made.tag}" for place in (self.folder / "layout", self.target))
        subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", source, target], check=True)
        os.sync()


def measure(bench: Bench, *, rounds: int) -> dict[str, list[float]]:
    sides = bench.sides()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in sides if number % 2 == 0 else reversed(sides):
            os.sync()
            began = monotonic()
            sides[name]()
            seconds[name].append(monotonic() - began)
            shutil.rmtree(bench.target)
    return seconds


def summary(seconds: dict[str, list[float]], *, n_bytes: int) -> list[dict[str, float | str]]:
    """The ratio is the median of the rounds' own ratios: below 1 is faster than `cp` and `sha256sum`."""
    return [
        {
            "side": name,
            "seconds": round(statistics.median(each), 3),
            "mb_per_second": round(n_bytes / statistics.median(each) / 1e6, 1),
            "times_of_cp_and_sum": round(
                statistics.median(mine / peer for mine, peer in zip(each, seconds[PEER], strict=True)), 3
            ),
        }
        for name, each in seconds.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work; the system's temporary folder if left away")
    parser.add_argument("--json", action="store_true")
    found = parser.parse_args()
    n_bytes = int(found.gib * GIB)
    with tempfile.TemporaryDirectory(dir=found.folder) as folder:
        rows = summary(measure(Bench(Path(folder), n_bytes=n_bytes), rounds=found.rounds), n_bytes=n_bytes)
    if found.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        print(f"{row['side']:<20} {row['seconds']:>8} s {row['mb_per_second']:>8} MB/s  x {row['times_of_cp_and_sum']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
