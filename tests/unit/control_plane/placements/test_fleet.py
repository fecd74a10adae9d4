"""Nodes for the planner, from what their heartbeats said."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from appliance.base.contracts.heartbeat import (
    AcceleratorReport,
    HealthReport,
    Heartbeat,
    LinkReport,
    PartitioningReport,
    PartitionReport,
    SelectorsReport,
)
from appliance.hardware.inventory import HealthState, LinkKind
from appliance.placement.nodes import CardView, NodeState, NodeView, NumaView
from control_plane.nodes.domain import DesiredNodeState
from control_plane.nodes.service import observe
from control_plane.nodes.tables import Accelerator, Node
from control_plane.placements.fleet import SYSTEM_BYTES, joined, node_view, selectors
from tests.fixtures.heartbeats import beat

KEY = UUID(int=7)
NAME = f"node-{KEY.hex}"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIB = 1024**3


def card(number: int, **changes: Any) -> AcceleratorReport:
    values: dict[str, Any] = {
        "key": f"GPU-{number}",
        "index": number,
        "vendor": "nvidia",
        "family": "cuda",
        "name": "H100",
        "memory_bytes": 80 * GIB,
        "health": HealthReport(state="ok"),
        "numa_node": 0,
        "links": (LinkReport(peer_index=1 - number, kind="fabric"), LinkReport(peer_index=5, kind="telepathy")),
        "selectors": SelectorsReport(process={"CUDA_VISIBLE_DEVICES": f"GPU-{number}"}),
    }
    return AcceleratorReport(**{**values, **changes})


def heard(*cards: AcceleratorReport, at: datetime = NOW, **said: Any) -> Node:
    heartbeat = Heartbeat.model_validate(beat(KEY, *cards, **said))
    node = Node(id=KEY, hostname="rack-1", observed_at=at, desired_state=DesiredNodeState.SERVING, accelerators=[])
    node.observed_facts = heartbeat.model_dump(mode="json", exclude={"accelerators"})
    for report in heartbeat.accelerators:
        accelerator = Accelerator(key=report.key)
        observe(accelerator, report, at)
        node.accelerators.append(accelerator)
    return node


def view(node: Node, *, now: datetime = NOW, heard_since: datetime = NOW - timedelta(days=1)) -> NodeView:
    return node_view(node, now=now, heard_since=heard_since)


def test_cards_keep_their_place_health_and_links() -> None:
    first, second = view(heard(card(0), card(1, health=HealthReport(state="failed")))).cards
    assert first == CardView(
        index=0, key="GPU-0", family="cuda", product="H100", memory_bytes=80 * GIB, health=HealthState.OK,
        numa_node=0, links={1: LinkKind.FABRIC},
    )  # fmt: skip
    assert second.health is HealthState.FAILED


def test_the_processor_and_cards_that_are_gone_are_no_cards() -> None:
    node = heard(card(0), card(1, family="cpu"))
    node.accelerators[0].observed_at = NOW - timedelta(minutes=5)
    assert view(node).cards == ()


def test_a_slice_stands_beside_its_card_and_is_chosen_by_its_own_name() -> None:
    slices = PartitioningReport(
        mode="mig",
        partitions=(
            PartitionReport(
                name="3g.40gb",
                uuid="MIG-1",
                memory_bytes=40 * GIB,
                selectors=SelectorsReport(process={"CUDA_VISIBLE_DEVICES": "MIG-1"}),
            ),
        ),
    )
    node = heard(card(0, partitioning=slices))
    whole, part = view(node).cards
    assert (part.key, part.partition_of, part.product, part.memory_bytes) == (
        "MIG-1",
        whole.key,
        "H100 3g.40gb",
        40 * GIB,
    )
    chosen = {key: joined([how]) for key, how in selectors([node])[NAME].items()}
    assert chosen == {"GPU-0": {"CUDA_VISIBLE_DEVICES": "GPU-0"}, "MIG-1": {"CUDA_VISIBLE_DEVICES": "MIG-1"}}


def test_the_appliance_keeps_memory_and_a_core_for_itself() -> None:
    found = view(heard(cores=4))
    assert found.host_memory_bytes == 24 * GIB - SYSTEM_BYTES
    assert found.numa_nodes == (NumaView(0, (0, 1, 2)),)
    assert view(heard(cores=1)).numa_nodes == (NumaView(0, (0,)),)


def test_what_lies_and_is_installed_there() -> None:
    found = view(heard(packs=("vllm-cpu",), weights=("abc",)))
    assert (found.packs, found.versions) == ({"vllm-cpu"}, {"abc"})


@pytest.mark.parametrize(
    ("silent", "listening", "state"),
    [(10, 3600, NodeState.READY), (60, 3600, NodeState.UNREACHABLE), (3600, 10, NodeState.READY)],
)
def test_silence_counts_from_when_we_began_to_listen(silent: int, listening: int, state: NodeState) -> None:
    """After a start of the whole rack every node was last heard long ago."""
    node = heard(at=NOW - timedelta(seconds=silent))
    assert view(node, heard_since=NOW - timedelta(seconds=listening)).state is state


def test_a_node_that_is_to_drain() -> None:
    node = heard()
    node.desired_state = DesiredNodeState.DRAINING
    assert view(node).state is NodeState.DRAINING


def test_the_names_of_several_cards_are_joined_in_the_order_of_the_ranks() -> None:
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    cards = [SelectorsReport(process={"CUDA_VISIBLE_DEVICES": number}, fixed=order) for number in ("3", "1")]
    assert joined(cards) == {"CUDA_VISIBLE_DEVICES": "3,1", **order}
    assert joined([SelectorsReport(process={"A": "0"})]) == {"A": "0"}
