"""zstd where Python has it: `compression.zstd` (3.14 and later), or the same module as `backports.zstd`."""

import importlib
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import BinaryIO, cast

from appliance.base.errors import BadRequest

MODULES = ("compression.zstd", "backports.zstd")


def open_zstd(raw: BinaryIO) -> AbstractContextManager[BinaryIO]:
    """A stream of what `raw` unpacks to; raises BadRequest where no zstd library is installed."""
    for module in MODULES:
        if is_there(module):
            return cast(AbstractContextManager[BinaryIO], importlib.import_module(module).open(raw, "rb"))
    raise BadRequest(
        "The archive is packed with zstd, for which this box has no library.",
        hint="Unpack it with `zstd -d` and import the plain tar.",
        param="source",
        code="no_zstd",
    )


def is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
