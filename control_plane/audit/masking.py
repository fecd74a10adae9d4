"""Secrets do not reach the audit log, also where a caller forgot: by the field's name and by the look of the value."""

import re
from typing import Any, cast

MASK = "***"
SECRET_FIELDS = re.compile(r"secret|passw|token(?!s)|digest|credential|authorization|private|api_?key$", re.IGNORECASE)
SECRET_VALUES = re.compile(r"\b(sk|inv|hf|ms)-?_?[A-Za-z0-9]*[-_][A-Za-z0-9_-]{16,}")


def masked(value: Any) -> Any:
    """A copy; numbers and yes-or-no under a secret's name stay, as they are counts and switches."""
    if isinstance(value, dict):
        fields = cast(dict[str, Any], value)
        return {name: MASK if hides(name, inner) else masked(inner) for name, inner in fields.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in cast(list[Any], value)]
    return SECRET_VALUES.sub(MASK, value) if isinstance(value, str) else value


def hides(name: str, value: Any) -> bool:
    return SECRET_FIELDS.search(name) is not None and isinstance(value, str | list | dict)
