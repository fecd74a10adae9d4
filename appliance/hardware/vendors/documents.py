"""JSON that a vendor's tool prints: read without trust in its shape."""

import json
import re

from appliance.hardware.vendors.numbers import Raw
from appliance.hardware.world import VendorFailed

Json = dict[str, "Json"] | list["Json"] | str | float | int | None
TOKEN_BEFORE_ANOTHER = re.compile(r'("(?:[^"\\]|\\.)*"|[}\]])(?=\s*["{])')


def parse(text: str, *, tool: str) -> Json:
    """Some tools forget commas between entries (hy-smi does): they are put in before giving up. Keys may end with a
    space (mthreads-gmi's do), which is cut off.
    """
    for attempt in (text, TOKEN_BEFORE_ANOTHER.sub(r"\1,", text)):
        try:
            return json.loads(attempt, object_pairs_hook=_trimmed)
        except (ValueError, RecursionError):
            continue
    raise VendorFailed(f"{tool} did not print JSON: {text.strip()[:60]!r}.")


def at(document: Json, *path: str) -> Json:
    """None as soon as a step is missing."""
    for step in path:
        document = document.get(step) if isinstance(document, dict) else None
    return document


def entries(document: Json) -> list[Json]:
    return document if isinstance(document, list) else []


def words(document: Json, *path: str) -> str | None:
    """A text that says something; `N/A` does not."""
    value = at(document, *path)
    said = str(value).strip() if isinstance(value, str | int | float) else ""
    return None if said.upper() in ("", "N/A", "NONE", "UNKNOWN") else said


def figure(document: Json, *path: str) -> Raw:
    """A figure, bare or as `{"value": 700, "unit": "W"}`, which becomes `700 W`."""
    value = at(document, *path)
    if isinstance(value, dict):
        inner, unit = value.get("value"), value.get("unit")
        return f"{inner} {unit}" if isinstance(unit, str) else figure({"value": inner}, "value")
    return value if isinstance(value, str | int | float) else None


def _trimmed(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    return {name.strip(): value for name, value in pairs}
