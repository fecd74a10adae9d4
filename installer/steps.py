"""A step of setting up, as data: what it is for, how to see that it is done, how to do it."""

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """`is_done` changes nothing; `apply` may say what it waits for. After `apply`, `is_done` must hold."""

    id: str
    title: str
    is_done: Callable[[], bool]
    apply: Callable[[Say], None]
