"""Sets of small numbers (a node's cards by position, its cores) as bits of an integer: cheap to hash and intersect."""

from collections.abc import Iterable


def to_bits(numbers: Iterable[int]) -> int:
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


def from_bits(mask: int) -> list[int]:
    """In rising order."""
    numbers: list[int] = []
    while mask:
        low = mask & -mask
        numbers.append(low.bit_length() - 1)
        mask ^= low
    return numbers


def lowest(mask: int, *, count: int) -> int:
    """The `count` lowest bits of the mask, which has at least as many."""
    return to_bits(from_bits(mask)[:count])
