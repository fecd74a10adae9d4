from control_plane.jobs.domain import LONGEST_BACKOFF_SECONDS, backoff_seconds, may_try_again


def test_the_wait_doubles_and_is_bounded() -> None:
    assert [backoff_seconds(attempt, base_seconds=5.0) for attempt in (2, 3, 4)] == [5.0, 10.0, 20.0]
    assert backoff_seconds(40, base_seconds=5.0) == LONGEST_BACKOFF_SECONDS


def test_the_cap_is_on_attempts() -> None:
    assert may_try_again(2, max_attempts=3)
    assert not may_try_again(3, max_attempts=3)
