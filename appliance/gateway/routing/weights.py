"""One of several weighted targets: by chance, or always the same one for the same key. Pure.

Sticky choice is weighted rendezvous hashing: each target's score is -weight / ln(h) with h in (0, 1) from key and
target, and the highest wins (Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005). A changed
weight moves only the share of keys that it has to move, which an interval per target would not do.
"""

import hashlib
import math
from collections.abc import Sequence

from appliance.base.contracts.routes import Target

BITS = 53


def point_of(*parts: str) -> float:
    """A number in (0, 1), the same in every gateway and on every day."""
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return ((int.from_bytes(digest) >> (64 - BITS)) + 0.5) / (1 << BITS)


def in_order_of_chance(targets: Sequence[Target], *, chance: float) -> list[Target]:
    """Those with a weight, the drawn one first, the others behind it by weight; `chance` in [0, 1)."""
    weighted = [target for target in targets if target.weight]
    if len(weighted) < 2:
        return weighted
    mark = chance * sum(target.weight for target in weighted)
    drawn = weighted[-1]
    for target in weighted:
        mark -= target.weight
        if mark < 0:
            drawn = target
            break
    others = [target for target in weighted if target is not drawn]
    return [drawn, *sorted(others, key=lambda target: -target.weight)]


def in_order_of_key(targets: Sequence[Target], *, key: str) -> list[Target]:
    """Those with a weight, best score for this key first."""
    weighted = [target for target in targets if target.weight]
    return sorted(weighted, key=lambda target: score(target, key=key), reverse=True)


def score(target: Target, *, key: str) -> float:
    return -target.weight / math.log(point_of(target.target_id, key))
