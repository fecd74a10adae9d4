"""A heartbeat says what this machine has, as the control plane's contract words it."""

from pathlib import Path
from uuid import uuid4

from appliance.agent.heartbeat import compose, report
from appliance.base.settings import load_settings
from appliance.hardware.discovery import discover
from appliance.hardware.inventory import Accelerator, Health, HealthState


def test_a_heartbeat_of_this_machine(tmp_path: Path) -> None:
    inventory, node_id = discover(), uuid4()
    beat = compose(
        inventory,
        node_id=node_id,
        settings=load_settings().model_copy(update={"home": tmp_path}),
        spool_bytes=7,
        spool_oldest_seconds=1.5,
    )
    assert beat.node_id == node_id
    assert beat.cpu_count == inventory.processor.cores
    assert beat.memory_bytes <= inventory.memory.total_bytes
    assert beat.disk_free_bytes is not None
    assert len(beat.accelerators) == len(inventory.accelerators)
    assert (beat.spool_bytes, beat.spool_oldest_seconds) == (7, 1.5)


def test_a_card_without_a_uuid_is_named_by_family_and_place() -> None:
    card = Accelerator(family="cuda", vendor="nvidia", name="X", index=3, memory_bytes=1)
    assert report(card).key == "cuda-3"
    assert report(card.model_copy(update={"uuid": "GPU-1"})).key == "GPU-1"


def test_a_failed_card_is_not_healthy_and_says_why() -> None:
    card = Accelerator(family="cuda", vendor="nvidia", name="X", index=0, memory_bytes=1)
    assert report(card).healthy
    ill = report(card.model_copy(update={"health": Health(state=HealthState.FAILED, reasons=("Xid 79.", "It fell."))}))
    assert (ill.healthy, ill.problem) == (False, "Xid 79. It fell.")
