"""What a check found."""

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """`fail` means something does not work or is not safe; `warn`, that it works and could be better."""

    check: str
    level: Level
    message: str
    what_to_do: str = ""

    def document(self) -> dict[str, str]:
        return asdict(self)


def ok(check: str, message: str) -> Finding:
    return Finding(check, "ok", message)


def warn(check: str, message: str, *, what_to_do: str) -> Finding:
    return Finding(check, "warn", message, what_to_do)


def fail(check: str, message: str, *, what_to_do: str) -> Finding:
    return Finding(check, "fail", message, what_to_do)
