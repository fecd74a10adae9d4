"""What a node is, from what is wanted of it and when it last spoke."""

from datetime import UTC, datetime, timedelta

import pytest

from control_plane.nodes.domain import DesiredNodeState, NodeState, node_state

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SERVING, DRAINING = DesiredNodeState.SERVING, DesiredNodeState.DRAINING


@pytest.mark.parametrize(
    ("desired", "silent_seconds", "state"),
    [
        (SERVING, 35, NodeState.READY),
        (DRAINING, 35, NodeState.DRAINING),
        (SERVING, 36, NodeState.UNREACHABLE),
        (DRAINING, 36, NodeState.UNREACHABLE),
    ],
)
def test_silence_weighs_more_than_a_drain(desired: DesiredNodeState, silent_seconds: int, state: NodeState) -> None:
    assert node_state(desired, observed_at=NOW - timedelta(seconds=silent_seconds), now=NOW) is state
