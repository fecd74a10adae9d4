"""The scaling decision: within bounds, up at once, down slowly, to zero only when nobody came."""

from hypothesis import given
from hypothesis import strategies as st

from control_plane.reconcilers.scaling import DOWN_SECONDS, Bounds, Demand, Memory, decide

BOUNDS = Bounds(min_replicas=0, max_replicas=4, target_per_replica=10, idle_seconds=300)
Demands = st.none() | st.builds(
    Demand, requests=st.integers(0, 500), arrivals_per_second=st.floats(0, 50), is_called=st.booleans()
)


class Model:
    def __init__(self, bounds: Bounds = BOUNDS, *, replicas: int = 1) -> None:
        self.bounds, self.replicas, self.memory, self.now = bounds, replicas, Memory(), 0.0

    def turn(self, demand: Demand | None, *, seconds: float = 2.0) -> int:
        self.now += seconds
        self.replicas = decide(demand, current=self.replicas, bounds=self.bounds, memory=self.memory, now=self.now)
        return self.replicas


@given(
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(1, 50),
    st.lists(st.tuples(Demands, st.floats(0.1, 400)), max_size=40),
)
def test_always_within_the_bounds_and_enough_for_the_demand(
    least: int, more: int, target: int, turns: list[tuple[Demand | None, float]]
) -> None:
    bounds = Bounds(least, max(1, least + more), target, 60)
    model = Model(bounds, replicas=least)
    for demand, seconds in turns:
        replicas = model.turn(demand, seconds=seconds)
        assert bounds.min_replicas <= replicas <= bounds.max_replicas
        if demand is not None:
            assert replicas * target >= demand.requests or replicas == bounds.max_replicas
            assert replicas >= 1 or demand.is_idle


def test_up_at_once_and_down_only_after_the_window() -> None:
    model = Model()
    assert model.turn(Demand(35)) == 4
    for _ in range(int(DOWN_SECONDS / 2) - 1):
        assert model.turn(Demand(5)) == 4
    model.turn(Demand(5))
    assert model.turn(Demand(5)) == 1


def test_a_load_that_swings_does_not_make_replicas_swing() -> None:
    model = Model()
    model.turn(Demand(35))
    assert {model.turn(Demand(35 if turn % 5 == 0 else 3)) for turn in range(100)} == {4}


def test_to_zero_after_the_idle_time_and_back_by_a_call() -> None:
    model = Model()
    model.turn(Demand(1))
    turns = 0
    while model.turn(Demand(0)) > 0:
        turns += 1
        assert turns < 1000
    assert turns * 2 >= BOUNDS.idle_seconds - 4
    assert model.turn(Demand(0, is_called=True)) == 1
    assert model.turn(Demand(0)) == 1


def test_unknown_changes_nothing_and_does_not_count_as_idle_at_a_start() -> None:
    model = Model(replicas=3)
    for _ in range(500):
        assert model.turn(None) == 3
    fresh = Model(replicas=1)
    assert fresh.turn(Demand(0)) == 1


def test_a_trickle_keeps_one_awake() -> None:
    model = Model()
    assert {model.turn(Demand(0, arrivals_per_second=0.01)) for _ in range(400)} == {1}
