"""Run by `benchmarks.sealed` in the engine's Python: all tensors of a model, copied into memory that is there already.

Arguments: the plain file, the sealed folder, rounds, the descriptor of the key. Prints one line of JSON: seconds of
each round, by the way of reading and by where the file was.
"""
# Its libraries are in the engine's environment only.
# pyright: basic, reportMissingImports=false

import json
import os
import sys
import time
from pathlib import Path

import sails_sealed
from safetensors import safe_open

sails_sealed.find_appliance()

from sails_sealed.loader import tensor_of  # noqa: E402

from appliance.weights.sealed.handover import take_key  # noqa: E402  found by the line above
from appliance.weights.sealed.reader import open_artifact  # noqa: E402

plain, sealed, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
dek, digest = take_key(int(sys.argv[4]))
with safe_open(plain, framework="pt") as file:
    home = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  not a dictionary


def read_plain() -> None:
    with safe_open(plain, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118
            home[name].copy_(file.get_tensor(name))


def read_sealed() -> None:
    with open_artifact(sealed, dek=dek, digest=digest) as reader:
        for opened in reader.tensors():
            home[opened.place.name].copy_(tensor_of(opened))


def forget(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure() -> None:
    ways = (("plain", read_plain, plain.parent), ("sealed", read_sealed, sealed))
    found = {f"{name}, {state}": [] for state in ("in memory", "from disk") for name, _, _ in ways}
    os.sync()
    for turn in range(rounds + 1):
        for state in ("in memory", "from disk"):
            for name, read, folder in ways if turn % 2 else reversed(ways):
                if state == "from disk":
                    forget(folder)
                began = time.perf_counter()
                read()
                if turn:
                    found[f"{name}, {state}"].append(time.perf_counter() - began)
        read_plain()
        read_sealed()
    print(json.dumps(found))


measure()
