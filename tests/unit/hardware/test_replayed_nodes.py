"""Every vendor's replayed node through the whole of discovery: the real child processes, libraries and links."""

from collections import Counter
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import pytest

from appliance.hardware.discovery import discover
from appliance.hardware.inventory import Accelerator, HealthState, Inventory, LinkKind
from appliance.hardware.vendors.registry import REGISTRY
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.replayed_nodes import (
    NODES,
    REPLAYED,
    build,
    build_all,
    intel_tool,
    kunlunxin_tool,
    without_library,
)

GIB, MIB = 1024**3, 1024**2
ALL_AT_ONCE_SECONDS = 20.0
"""No machine has cards of thirteen vendors, and that which runs the tests may have two cores for their processes."""


@dataclass(frozen=True)
class Expected:
    """Of card 3, and of all cards' links: how many have which word, from each card to each other."""

    name: str
    memory_bytes: int
    uuid: str
    process: dict[str, str]
    kubernetes: str
    links: dict[str, int]
    node: str
    warning: int | None = None
    """A card that the sample makes ill."""
    cards: int = 8


EXPECTED = {
    "amd": Expected(
        name="AMD Instinct MI300X OAM",
        memory_bytes=196592 * MIB,
        uuid="GPU-1000000000000003",
        process={"HIP_VISIBLE_DEVICES": "0"},
        kubernetes="amd.com/gpu",
        links={"XGMI": 56},
        node="/dev/dri/renderD131",
    ),
    "ascend": Expected(
        name="Ascend 910B3",
        memory_bytes=64 * GIB,
        uuid="A0000003-A0000103-A0000203-A0000303-A0000403",
        process={"ASCEND_RT_VISIBLE_DEVICES": "3"},
        kubernetes="huawei.com/Ascend910",
        links={"HCCS": 56},
        node="/dev/davinci3",
    ),
    "cambricon": Expected(
        name="MLU590-M9",
        memory_bytes=96 * GIB,
        uuid="00000003-1914-0000-0000-000000000000",
        process={"MLU_VISIBLE_DEVICES": "3"},
        kubernetes="cambricon.com/mlu",
        links={"MLU-Link x3": 8, "MLU-Link x2": 8, "node": 8, "sys": 32},
        node="/dev/cambricon_dev3",
    ),
    "enflame": Expected(
        name="Enflame S60",
        memory_bytes=42976 * MIB,
        uuid="TR6Y46010303",
        process={"TOPS_VISIBLE_DEVICES": "3"},
        kubernetes="enflame.com/gcu",
        links={"GCU-LARE x2": 8, "GCU-LARE x1": 8, "node": 8, "sys": 32},
        node="/dev/gcu4",
    ),
    "gaudi": Expected(
        name="HL-325L",
        memory_bytes=128 * GIB,
        uuid="01P4-HL3090A0-18-UAN071-04-07-03",
        process={"HABANA_VISIBLE_MODULES": "6"},
        kubernetes="habana.ai/gaudi",
        links={"3xRoCE": 56},
        node="/dev/accel/accel3",
    ),
    "hygon": Expected(
        name="K100_AI",
        memory_bytes=65520 * MIB,
        uuid="GPU-71010022e8c648a1",
        process={"HIP_VISIBLE_DEVICES": "3"},
        kubernetes="hygon.com/dcu",
        links={"pix": 8, "node": 16, "sys": 32},
        node="/dev/mkfd",
    ),
    "iluvatar": Expected(
        cards=16,
        name="Iluvatar BI-V150",
        memory_bytes=32 * GIB,
        uuid="GPU-00000000-0000-0000-0000-000000000003",
        process={"CUDA_VISIBLE_DEVICES": "3"},
        kubernetes="iluvatar.com/gpu",
        links={"pix": 16, "node": 96, "sys": 128},
        node="/dev/iluvatar12",
    ),
    "intel": Expected(
        name="Intel(R) Data Center GPU Max 1550",
        memory_bytes=128 * GIB,
        uuid="01000000-0000-004d-0000-002f0bd58086",
        process={"ZE_AFFINITY_MASK": "3"},
        kubernetes="gpu.intel.com/xe",
        links={"XL2": 56},
        node="/dev/dri/renderD131",
    ),
    "kunlunxin": Expected(
        name="P800 OAM",
        memory_bytes=96 * GIB,
        uuid="02K15K0263D0003N",
        process={"XPU_VISIBLE_DEVICES": "3"},
        kubernetes="kunlunxin.com/xpu",
        links={"XL": 31, "sys": 25},  # the published table says XL from one card to another, and SYS back
        node="/dev/xpu3",
    ),
    "metax": Expected(
        name="MXC550",
        memory_bytes=64 * GIB,
        uuid="GPU-e702f06b-bbd6-bc06-5196-000000000003",
        process={"CUDA_VISIBLE_DEVICES": "3"},
        kubernetes="metax-tech.com/gpu",
        links={"MX": 24, "sys": 32},
        node="/dev/dri/renderD131",
        warning=1,
    ),
    "moore_threads": Expected(
        name="MTT S5000",
        memory_bytes=80 * GIB,
        uuid="399282a8-ba01-1475-893c-000000000003",
        process={"MUSA_VISIBLE_DEVICES": "3"},
        kubernetes="mthreads.com/gpu",
        links={"MT2": 8, "node": 16, "sys": 32},
        node="/dev/mtgpu.3",
        warning=6,
    ),
    "nvidia": Expected(
        name="NVIDIA H100 80GB HBM3",
        memory_bytes=81559 * MIB,
        uuid="GPU-c7a0294c-c2c2-5476-438c-fb468eaa2233",
        process={"CUDA_VISIBLE_DEVICES": "3"},
        kubernetes="nvidia.com/gpu",
        links={"NV18": 56},
        node="/dev/nvidia3",
    ),
    "thead": Expected(
        name="PPU-ZW810E",
        memory_bytes=96 * GIB,
        uuid="GPU-019ea108-0000-0000-0000-000000000003",
        process={"CUDA_VISIBLE_DEVICES": "3"},
        kubernetes="alibabacloud.com/ppu",
        links={"pix": 8, "node": 16, "sys": 32},
        node="/dev/alixpu_ppu3",
    ),
}


def cards_of(inventory: Inventory, vendor: str) -> list[Accelerator]:
    return [card for card in inventory.accelerators if card.vendor == vendor]


def assert_as_expected(found: list[Accelerator], expected: Expected) -> None:
    assert [card.index for card in found] == list(range(expected.cards))
    card = found[3]
    assert {one.memory_bytes for one in found} == {expected.memory_bytes}
    assert len({one.uuid for one in found}) == len({one.bus_id for one in found}) == expected.cards
    assert (card.name, card.uuid) == (expected.name, expected.uuid)
    assert (card.selectors.process, card.selectors.kubernetes) == (expected.process, expected.kubernetes)
    assert expected.node in card.selectors.device_nodes
    ill = {one.index for one in found if one.health.state is HealthState.WARNING}
    assert ill == ({expected.warning} - {None})
    assert [one.health.state for one in found].count(HealthState.OK) == expected.cards - len(ill)
    pairs = [(one.index, link.peer_index) for one in found for link in one.links]
    assert sorted(pairs) == list(permutations(range(expected.cards), 2))
    words = Counter(
        link.name if link.kind is LinkKind.FABRIC else link.kind.value for one in found for link in one.links
    )
    assert words == expected.links


def test_every_vendor_of_the_registry_is_replayed() -> None:
    assert list(REPLAYED) == [entry.name for entry in REGISTRY] == list(EXPECTED)


@pytest.mark.parametrize("name", REPLAYED)
def test_a_whole_node(tmp_path: Path, name: str) -> None:
    build(name, tmp_path)
    inventory = discover(tmp_path)
    assert inventory.problems == ()
    found = cards_of(inventory, name)
    assert len(found) == len(inventory.accelerators) - 1
    assert [card.bus_id for card in found] == list(NODES[name].bus_ids)
    assert len({card.numa_node for card in found}) == (4 if name == "ascend" else 2)
    assert_as_expected(found, EXPECTED[name])
    groups = inventory.card_groups.get("kunlun", {}).get(4)
    assert groups == (((0, 1, 2, 3), (4, 5, 6, 7)) if name == "kunlunxin" else None)


def test_all_vendors_in_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.watcher.VENDOR_SECONDS", ALL_AT_ONCE_SECONDS)
    build_all(tmp_path)
    inventory = discover(tmp_path)
    assert inventory.problems == ()
    assert len(inventory.accelerators) == 1 + 8 * len(REPLAYED) + 8
    for domain, name in enumerate(REPLAYED):
        found = cards_of(inventory, name)
        assert found[0].bus_id is not None
        assert found[0].bus_id.startswith(f"{domain:04x}:")
        assert found[3].memory_bytes == EXPECTED[name].memory_bytes
        assert [len(card.links) for card in found] == [len(found) - 1] * len(found)
    assert list(inventory.card_groups) == ["kunlun"]


def both_without_libraries(root: Path) -> FakeMachine:
    without_library("intel", root)
    return without_library("kunlunxin", root)


def test_two_tools_called_xpu_smi_do_not_meet(tmp_path: Path) -> None:
    machine = both_without_libraries(tmp_path)
    kunlunxin_tool(machine)
    intel_tool(machine)
    inventory = discover(tmp_path)
    intel, kunlunxin = cards_of(inventory, "intel"), cards_of(inventory, "kunlunxin")
    assert [card.bus_id for card in intel] == list(NODES["intel"].bus_ids)
    assert [card.bus_id for card in kunlunxin] == list(NODES["kunlunxin"].bus_ids)
    assert (intel[3].memory_bytes, kunlunxin[3].memory_bytes) == (128 * GIB, 96 * GIB)
    assert (intel[3].driver_version, kunlunxin[3].driver_version) == ("25.18.33578", "5.0.21.47")


@pytest.mark.parametrize("installed", ["intel", "kunlunxin"])
def test_the_one_xpu_smi_there_is_speaks_for_its_own_cards(tmp_path: Path, installed: str) -> None:
    machine = both_without_libraries(tmp_path)
    if installed == "intel":
        intel_tool(machine)
    else:
        kunlunxin_tool(machine, folder="usr/bin")
    inventory = discover(tmp_path)
    told = {vendor for vendor in ("intel", "kunlunxin") if cards_of(inventory, vendor)[3].driver_version}
    assert told == {installed}
    assert len(cards_of(inventory, "intel")) == len(cards_of(inventory, "kunlunxin")) == 8
