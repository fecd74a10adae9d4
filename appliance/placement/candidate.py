"""The best that a class of equal nodes has for one need, with the costs that do not depend on which of them it is."""

from typing import NamedTuple


class Candidate(NamedTuple):
    """`places` are card positions in the order of the ranks, none on the processor; the rest: `scores.Score`."""

    product: str
    places: tuple[int, ...]
    unsound: int
    distance: int
    numa: int
    broken: int
    room: int
    slack: int
