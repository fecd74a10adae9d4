"""JSON of unknown shape, read with types: what is not an object or a list is None."""

from typing import Any, cast

from pydantic_core import from_json


def parse_object(content: bytes, *, allow_inf_nan: bool = True) -> dict[str, Any]:
    """The JSON object in `content`, at most 200 levels deep; raises ValueError, also where it is not an object."""
    found = as_object(from_json(content, allow_inf_nan=allow_inf_nan))
    if found is None:
        raise ValueError("not a JSON object")
    return found


def as_object(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    return cast("list[Any]", value) if isinstance(value, list) else None
