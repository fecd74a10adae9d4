"""Outliers and the retry budget."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.gateway.routing.outliers import BASE_SECONDS, Outlier, ejected
from appliance.gateway.routing.retries import RetryBudget


def test_three_in_a_row_and_longer_each_time() -> None:
    one, now, spans = Outlier(), 1000.0, list[float]()
    for _ in range(3):
        while not one.failed(now, at_once=False):
            pass
        spans.append(one.ejected_until - now)
        now = one.ejected_until
    assert spans == [BASE_SECONDS, BASE_SECONDS * 2, BASE_SECONDS * 4]


def test_nobody_listening_is_enough_and_a_success_in_between_is_not_a_row() -> None:
    assert Outlier().failed(1.0, at_once=True)
    one = Outlier()
    for _ in range(4):
        assert not one.failed(1.0, at_once=False)
        one.succeeded(1.0)


def test_half_of_many_is_too_often() -> None:
    one = Outlier()
    results = [one.failed(1.0, at_once=False) if number % 2 else one.succeeded(1.0) for number in range(40)]
    assert True in results


@given(st.lists(st.floats(0, 100), max_size=12), st.floats(0, 100))
def test_at_most_half_are_out(untils: list[float], now: float) -> None:
    outliers = [Outlier(ejected_until=until) for until in untils]
    out = ejected(outliers, now=now)
    assert len(out) <= len(untils) // 2
    assert all(untils[position] > now for position in out)


@given(st.lists(st.sampled_from(["request", "retry", "second"]), max_size=300), st.floats(0, 1))
def test_retries_never_pass_their_share(acts: list[str], ratio: float) -> None:
    now, requests, retries, seconds = 0.0, 0, 0, 0
    budget = RetryBudget(ratio=ratio, now=now)
    for act in acts:
        if act == "request":
            requests += 1
            budget.deposit()
        elif act == "second":
            seconds += 1
            now += 1.0
        else:
            retries += budget.withdraw(now)
        assert retries <= 10 + seconds + requests * ratio + 1e-6
