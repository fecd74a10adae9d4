"""vLLM's default loader with another source of tensors: a sealed artifact, opened in memory.

Written against vLLM 0.32 (`vllm/model_executor/model_loader/default_loader.py`). Every rank opens all tensors, as with
the default loader; under expert parallelism a rank leaves out the experts of others before they are decrypted.
"""
# Its libraries are in the engine's environment only.
# pyright: basic, reportMissingImports=false

import fnmatch
import math
import os
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import torch
from vllm.config import ModelConfig
from vllm.model_executor.model_loader.default_loader import DefaultModelLoader
from vllm.model_executor.model_loader.ep_weight_filter import should_skip_weight

from appliance.weights.sealed.derive import wipe
from appliance.weights.sealed.form import SUFFIX
from appliance.weights.sealed.handover import take_key
from appliance.weights.sealed.reader import OpenedTensor, SealedReader, open_artifact
from appliance.weights.sealed.tensors import TensorPlace
from sails_sealed.few_cores import spared
from sails_sealed.inheritance import DESCRIPTOR, is_key_socket, refuse_onlookers

DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip
"""As safetensors names them (`safetensors/torch.py`), and as torch does. F4 and F6 no engine was seen to load so."""

Weights = Generator[tuple[str, torch.Tensor]]


class SealedLoader(DefaultModelLoader):
    def download_model(self, model_config: ModelConfig) -> None:
        """Sealed weights are in a folder of this box, or nowhere."""

    def load_weights(self, model: torch.nn.Module, model_config: ModelConfig) -> None:
        with spared(model):
            super().load_weights(model, model_config)

    def _get_weights_iterator(self, source: DefaultModelLoader.Source) -> Weights:
        if self.counter_before_loading_weights == 0.0:
            self.counter_before_loading_weights = time.perf_counter()
        folder = Path(source.model_or_path) / (source.subfolder or "")
        refuse_onlookers()
        dek, digest = take_key(key_socket())
        try:
            with open_artifact(folder, dek=dek, digest=digest) as reader:
                wipe(dek)
                yield from self.weights_of(reader, source)
        finally:
            wipe(dek)

    def weights_of(self, reader: SealedReader, source: DefaultModelLoader.Source) -> Weights:
        unused = source.is_unused_weight or (lambda _: False)
        within = names_within(reader, source.allow_patterns_overrides)

        def wanted(name: str) -> bool:
            return name in within and not unused(name) and not should_skip_weight(name, self.local_expert_ids)

        for opened in reader.tensors(wanted):
            yield source.prefix + opened.place.name, tensor_of(opened)


def key_socket() -> int:
    descriptor = int(os.environ[DESCRIPTOR])
    if not is_key_socket(descriptor):
        raise RuntimeError("This process did not inherit the socket that hands over the key of sealed weights.")
    return descriptor


def names_within(reader: SealedReader, patterns: Sequence[str] | None) -> set[str]:
    """The tensors of the files that a model asks for by their names in the clear (`allow_patterns_overrides`)."""
    return {
        name
        for shard in reader.shards
        if patterns is None or any(fnmatch.fnmatch(shard.name.removesuffix(SUFFIX), pattern) for pattern in patterns)
        for name in shard.tensors
    }


def tensor_of(opened: OpenedTensor) -> torch.Tensor:
    """Without a copy: the tensor holds the memory that it was opened into."""
    place = opened.place
    dtype = dtype_of(place)
    count = math.prod(place.shape)
    if count == 0:
        return torch.empty(place.shape, dtype=dtype)
    return torch.frombuffer(opened.memory, dtype=dtype, count=count, offset=opened.offset).reshape(place.shape)


def dtype_of(place: TensorPlace) -> torch.dtype:
    dtype = getattr(torch, DTYPES.get(place.dtype, ""), None)
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"{place.name} is of type {place.dtype}, which cannot be loaded sealed.")
    return dtype
