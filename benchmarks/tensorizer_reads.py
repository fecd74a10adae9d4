"""Run by `benchmarks.sealed` in a Python that has tensorizer: its encryption beside its plain files and `safetensors`.

All tensors of the same model, deserialized to the processor in tensorizer's way (it fills memory of its own) with the
files in the page cache. Its cipher is XSalsa20-Poly1305 of libsodium; this version's metadata is not encrypted
(docs/encryption.md of coreweave/tensorizer). Arguments: the plain safetensors file, an empty folder, rounds. Prints one
line of JSON: seconds of each round.
"""
# Its libraries are in an environment of their own.
# pyright: basic, reportMissingImports=false

import gc
import json
import os
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from tensorizer import DecryptionParams, EncryptionParams, TensorDeserializer, TensorSerializer

plain, folder, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
key = os.urandom(32)
Tensors = dict[str, torch.Tensor]
FILES = {"tensorizer, plain": None, "tensorizer, encrypted": EncryptionParams(key=key)}


def write() -> None:
    tensors = load_file(plain)
    for name, encryption in FILES.items():
        serializer = TensorSerializer(str(folder / name), encryption=encryption)
        serializer.write_state_dict(tensors)
        serializer.close()


def read(name: str) -> Tensors:
    encryption = DecryptionParams.from_key(key) if FILES[name] else None
    with TensorDeserializer(str(folder / name), device="cpu", encryption=encryption) as tensors:
        return dict(tensors.items())


def copied() -> Tensors:
    """As an engine has them in the end: in memory of their own."""
    return {name: each.clone() for name, each in load_file(plain).items()}


def measure() -> None:
    ways = {"safetensors": copied, **{name: lambda name=name: read(name) for name in FILES}}
    found = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            tensors = way()
            if turn:
                found[name].append(time.perf_counter() - began)
            assert tensors
            del tensors
            gc.collect()
    print(json.dumps(found))


write()
measure()
