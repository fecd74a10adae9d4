"""Canonical JSON: one document, one spelling, so that what was signed can be compared byte by byte.

Keys sorted, no spaces, UTF-8, integers only. RFC 8785 (JSON Canonicalization Scheme) allows floats and sorts by UTF-16;
without floats, and with the ASCII keys that our documents have, this is the same.
"""

import json
from typing import cast

from pydantic_core import from_json

from appliance.licences.refusal import LicenceRefused, Why

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]


def canonical(document: JsonObject) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parse_canonical(raw: bytes) -> JsonObject:
    """The object, if `raw` is its canonical spelling: that refuses floats, spaces, and keys that stand there twice.

    jiter, pydantic's parser, bounds the depth (200), so a file of brackets is an error and not a full stack.
    """
    try:
        parsed = cast(Json, from_json(raw, allow_inf_nan=False))
        spelt = canonical(parsed) if isinstance(parsed, dict) and not holds_float(parsed) else None
    except (ValueError, RecursionError):
        spelt, parsed = None, None
    if spelt != raw or not isinstance(parsed, dict):
        raise LicenceRefused(Why.DAMAGED, "The content of the file is not a canonical JSON object.")
    return parsed


def holds_float(value: Json | float) -> bool:
    if isinstance(value, dict):
        return any(holds_float(inner) for inner in value.values())
    if isinstance(value, list):
        return any(holds_float(inner) for inner in value)
    return isinstance(value, float)
