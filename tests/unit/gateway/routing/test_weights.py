"""Weighted choice: by chance in proportion, by key always the same, and a changed weight moves as few as it must."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.base.contracts.routes import Target
from appliance.gateway.routing.weights import in_order_of_chance, in_order_of_key, point_of

KEYS = [f"key-{number}" for number in range(2000)]


def targets(*weights: int) -> list[Target]:
    return [
        Target(target_id=f"t{number}", kind="served_model", model="m", weight=weight)
        for number, weight in enumerate(weights)
    ]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6), st.floats(0, 1, exclude_max=True))
def test_every_target_with_a_weight_is_there_once(weights: list[int], chance: float) -> None:
    found = in_order_of_chance(targets(*weights), chance=chance)
    assert sorted(target.target_id for target in found) == [f"t{n}" for n, weight in enumerate(weights) if weight]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6), st.text())
def test_a_key_has_one_order(weights: list[int], key: str) -> None:
    first = in_order_of_key(targets(*weights), key=key)
    assert first == in_order_of_key(list(reversed(targets(*weights))), key=key)
    assert all(target.weight for target in first)


def share(weights: list[int]) -> list[set[str]]:
    sides: list[set[str]] = [set() for _ in weights]
    for key in KEYS:
        chosen = in_order_of_key(targets(*weights), key=key)[0]
        sides[int(chosen.target_id[1:])].add(key)
    return sides


def test_keys_are_shared_in_proportion_and_move_only_towards_what_grew() -> None:
    before, after = share([90, 10]), share([80, 20])
    assert 0.07 < len(before[1]) / len(KEYS) < 0.13
    assert 0.16 < len(after[1]) / len(KEYS) < 0.24
    assert before[1] <= after[1]


def test_chance_is_in_proportion() -> None:
    drawn = [in_order_of_chance(targets(3, 1), chance=n / 1000)[0].target_id for n in range(1000)]
    assert drawn.count("t0") == 750


@given(st.text(), st.text())
def test_a_point_lies_between_0_and_1(one: str, other: str) -> None:
    assert 0 < point_of(one, other) < 1
