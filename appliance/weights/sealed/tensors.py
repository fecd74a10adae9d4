"""The header of a safetensors file, read with every figure checked before it is used.

Format: https://github.com/huggingface/safetensors (README, "Format"). Written here once more because the file that it
belongs to exists only in memory, a chunk at a time, and the library reads whole files.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from appliance.weights.sealed.form import Json, damaged, parse_object

LENGTH_BYTES = 8
LARGEST_TABLE_BYTES = 100_000_000
"""The library's own limit (`MAX_HEADER_SIZE` in safetensors/src/tensor.rs)."""
MOST_AXES = 64
SIZES = {
    64: ("F64", "I64", "U64", "C64"),
    32: ("F32", "I32", "U32"),
    16: ("F16", "BF16", "I16", "U16"),
    8: ("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"),
    6: ("F6_E2M3", "F6_E3M2"),
    4: ("F4",),
}
BITS = {name: bits for bits, names in SIZES.items() for name in names}


@dataclass(frozen=True)
class TensorPlace:
    """Where a tensor's bytes lie: `begin` and `end` count from the start of the safetensors file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def table_bytes(start: bytes, *, plain_bytes: int, what: str) -> int:
    """The length of the table of tensors, from the file's first 8 bytes; refused where the file cannot hold it."""
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if not 2 <= length <= min(LARGEST_TABLE_BYTES, plain_bytes - LENGTH_BYTES):
        raise damaged(what, f"its table of tensors is said to have {length} bytes.")
    return length


def parse_table(text: bytes, *, plain_bytes: int, what: str) -> tuple[TensorPlace, ...]:
    """The tensors by their place in the file, which they fill without gaps."""
    document = parse_object(text, what=what)
    document.pop("__metadata__", None)
    first = LENGTH_BYTES + len(text)
    places = [place_of(name, entry, first=first, what=what) for name, entry in document.items()]
    places.sort(key=lambda place: (place.begin, place.end))
    if [place.begin for place in places[:1]] not in ([], [first]) or any(a.end != b.begin for a, b in pairwise(places)):
        raise damaged(what, "its tensors overlap or leave gaps.")
    if (places[-1].end if places else first) != plain_bytes:
        raise damaged(what, "its tensors do not end where the file ends.")
    return tuple(places)


def place_of(name: str, entry: object, *, first: int, what: str) -> TensorPlace:
    fields = cast(Json, entry) if isinstance(entry, dict) else {}
    dtype, shape, offsets = (
        fields.get("dtype"),
        whole_numbers(fields.get("shape")),
        whole_numbers(fields.get("data_offsets")),
    )
    if not isinstance(dtype, str) or dtype not in BITS or shape is None or offsets is None or len(offsets) != 2:
        raise damaged(what, f"its entry of {name!r:.80} is not that of a tensor.")
    begin, end = offsets
    if len(shape) > MOST_AXES or math.prod(shape) * BITS[dtype] != (end - begin) * 8:
        raise damaged(what, f"the size of {name!r:.80} contradicts its shape.")
    return TensorPlace(name, dtype, shape, first + begin, first + end)


def whole_numbers(value: object) -> tuple[int, ...] | None:
    """A list of numbers from 0 to 2^63, or None."""
    if not isinstance(value, list):
        return None
    numbers = cast(list[object], value)
    if all(type(number) is int and 0 <= number < 1 << 63 for number in numbers):
        return tuple(cast(list[int], numbers))
    return None
