from control_plane.reconcilers.failed_starts import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, FailedStarts, wait_seconds


def test_a_failed_start_is_taken_out_once_after_the_wait() -> None:
    starts, failed = FailedStarts(), frozenset({"srv-a"})
    assert starts.held_back(failed, now=100.0) == frozenset()
    assert starts.held_back(failed, now=100.0 + FIRST_WAIT_SECONDS) == failed
    assert starts.held_back(failed, now=101.0 + FIRST_WAIT_SECONDS) == frozenset()
    assert starts.held_back(failed, now=100.0 + FIRST_WAIT_SECONDS * 2) == frozenset()
    assert starts.held_back(failed, now=100.0 + FIRST_WAIT_SECONDS * 3) == failed


def test_the_wait_is_bounded() -> None:
    assert wait_seconds(100) == LONGEST_WAIT_SECONDS
