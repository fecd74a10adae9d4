"""A heartbeat says what this machine has, as the control plane's contract words it."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.agent.heartbeat import compose, report, shared_names, to_json
from appliance.base.contracts.heartbeat import AcceleratorReport, Heartbeat
from appliance.base.settings import Settings, load_settings
from appliance.hardware.discovery import discover
from appliance.hardware.inventory import (
    Accelerator,
    Health,
    HealthState,
    Inventory,
    Link,
    LinkKind,
    Memory,
    Problem,
    Processor,
    Selectors,
)

CARD = Accelerator(family="cuda", vendor="nvidia", name="X", index=0, memory_bytes=1)
CPU = Accelerator(family="cpu", vendor="intel", name="Xeon", index=0, memory_bytes=10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings().model_copy(update={"home": tmp_path})


def inventory(*cards: Accelerator, limit: int | None = None) -> Inventory:
    return Inventory(
        hostname="rack-1",
        kernel="6",
        processor=Processor(name="x", architecture="x86_64", cores=2, physical_cores=2, flags=(), numa_nodes=()),
        memory=Memory(total_bytes=10, available_bytes=4, limit_bytes=limit),
        accelerators=cards,
        card_groups={"kunlun": {4: ((0, 1, 2, 3), (4, 5, 6, 7))}},
        problems=(Problem(vendor="amd", message="It hangs.", hint="Restart it."),),
    )


def linked(index: int) -> Accelerator:
    """As much as a card of an eight-card node has to say."""
    uuid = f"GPU-{index}b7a47c1d-8f3e-5a6b-7c8d-9e0f0199f0c2"
    return Accelerator(
        family="cuda",
        vendor="nvidia",
        name="NVIDIA H100 80GB HBM3",
        index=index,
        uuid=uuid,
        bus_id=f"0000:{index}7:00.0",
        memory_bytes=85520809984,
        memory_used_bytes=70123456789,
        utilization=0.97,
        temperature_celsius=61.0,
        power_watts=655.123,
        power_limit_watts=700.0,
        driver_version="570.86.15",
        runtime_version="12.8",
        compute_capability="9.0",
        health=Health(state=HealthState.OK),
        numa_node=index // 4,
        links=tuple(
            Link(peer_index=peer, kind=LinkKind.FABRIC, name="NV18", bytes_per_second=450_000_000_000)
            for peer in range(8)
            if peer != index
        ),
        selectors=Selectors(
            process={"CUDA_VISIBLE_DEVICES": uuid},
            container={"NVIDIA_VISIBLE_DEVICES": uuid},
            device_nodes=(f"/dev/nvidia{index}", "/dev/nvidiactl", "/dev/nvidia-uvm"),
            kubernetes="nvidia.com/gpu",
        ),
    )


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
    assert report(replace(card, uuid="GPU-1")).key == "GPU-1"


def test_a_failed_card_is_not_healthy_and_says_why() -> None:
    card = Accelerator(family="cuda", vendor="nvidia", name="X", index=0, memory_bytes=1)
    assert report(card).healthy
    ill = report(replace(card, health=Health(state=HealthState.FAILED, reasons=("Xid 79.", "It fell."))))
    assert (ill.healthy, ill.problem) == (False, "Xid 79. It fell.")


def test_a_report_has_every_field_that_discovery_has() -> None:
    assert {one.name for one in fields(Accelerator)} <= set(AcceleratorReport.model_fields)
    card = linked(3)
    told = report(card).model_dump()
    assert {name: told[name] for name in asdict(card)} == asdict(card)


def test_a_card_is_named_by_what_only_it_has() -> None:
    """Twin chips share a bus id, boards without a serial number a UUID."""
    twins = [replace(CARD, index=n, uuid="0", bus_id="0000:01:00.0") for n in range(2)]
    other = replace(CARD, index=2, uuid="0", bus_id="0000:02:00.0")
    shared = shared_names([*twins, other])
    assert [report(card, shared=shared).key for card in (*twins, other)] == ["cuda-0", "cuda-1", "0000:02:00.0"]


def test_a_heartbeat_carries_groups_and_problems_through_json(settings: Settings) -> None:
    beat = compose(inventory(CARD), node_id=uuid4(), settings=settings)
    assert Heartbeat.model_validate_json(to_json(beat)) == beat
    assert beat.card_groups == {"kunlun": {4: ((0, 1, 2, 3), (4, 5, 6, 7))}}
    assert [problem.hint for problem in beat.problems] == ["Restart it."]
    assert beat.memory_available_bytes == 4


@pytest.mark.parametrize(("limit", "used"), [(None, 6), (5, None)])
def test_the_processor_is_as_busy_as_the_agent_saw_it(settings: Settings, limit: int | None, used: int | None) -> None:
    """What a control group uses is not what /proc/meminfo says."""
    found = inventory(CPU, CARD, limit=limit)
    beat = compose(found, node_id=uuid4(), settings=settings, processor_utilization=0.25)
    assert [(one.utilization, one.memory_used_bytes) for one in beat.accelerators] == [(0.25, used), (None, None)]


def test_eight_linked_cards_make_a_small_heartbeat(settings: Settings) -> None:
    beat = compose(inventory(CPU, *map(linked, range(8))), node_id=uuid4(), settings=settings)
    assert len(to_json(beat)) < 16 * 1024
