"""NVIDIA: NVML through its ABI, nvidia-smi's output, and what happens when either fails or lies."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Detected, HealthState, LinkKind, Selectors
from appliance.hardware.vendors import nvml
from appliance.hardware.vendors.nvidia import VENDOR
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.replayed_nodes import NVIDIA

FOLDER = SAMPLES / "nvidia"
LIBRARY = NVIDIA.shared_library
ANSWERS = {"-q -x": FOLDER / "smi_8_h100.xml", "topo -m": FOLDER / "topology_8_h100.txt", "-L": FOLDER / "list.txt"}


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    NVIDIA.plug(machine)
    return machine


def detect(machine: FakeMachine, *defines: str) -> Detected:
    NVIDIA.install(machine, *defines)
    return VENDOR.detect(machine.world())


def test_structures_are_as_the_compiler_lays_them_out(machine: FakeMachine) -> None:
    library = ctypes.CDLL(str(machine.shared_library(LIBRARY, source=FOLDER / "abi/nvml.c")))
    for name, structure in (
        ("nvmlMemory_t", nvml.Memory),
        ("nvmlMemory_v2_t", nvml.Memory2),
        ("nvmlUtilization_t", nvml.Utilization),
        ("nvmlPciInfo_t", nvml.PciPlace),
        ("nvmlFieldValue_t", nvml.FieldValue),
        ("nvmlGpuFabricInfo_t", nvml.FabricState),
    ):
        assert ctypes.c_uint.in_dll(library, f"sizeof_{name}").value == ctypes.sizeof(structure), name


def test_eight_cards_of_an_nvswitch_board(machine: FakeMachine) -> None:
    found = detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[3]
    assert (card.family, card.vendor, card.name, card.index) == ("cuda", "nvidia", "NVIDIA H100 80GB HBM3", 3)
    assert (card.bus_id, card.numa_node) == ("0000:61:00.0", 0)
    assert (card.memory_bytes, card.memory_used_bytes) == (81559 << 20, 1024 << 20)
    assert (card.utilization, card.temperature_celsius) == (0.3, 33)
    assert (card.power_watts, card.power_limit_watts) == (73.5, 700)
    assert (card.driver_version, card.runtime_version) == ("570.124.06", "12.8")
    assert (card.compute_capability, card.architecture) == ("9.0", "Hopper")
    assert (card.health.state, card.health.reasons) == (HealthState.OK, ())
    assert card.partitioning.mode is None
    assert {(link.kind, link.name, link.bytes_per_second) for link in card.links} == {
        (LinkKind.FABRIC, "NV18", 18 * 26_562_000_000)
    }
    assert [link.peer_index for link in card.links] == [0, 1, 2, 4, 5, 6, 7]
    assert card.selectors.process == {"CUDA_VISIBLE_DEVICES": "3"}
    assert card.selectors.container == {"NVIDIA_VISIBLE_DEVICES": "GPU-c7a0294c-c2c2-5476-438c-fb468eaa2233"}
    assert card.selectors.device_nodes == ("/dev/nvidia3", "/dev/nvidiactl", "/dev/nvidia-uvm")
    assert card.selectors.kubernetes == "nvidia.com/gpu"


def test_the_library_is_closed_again(machine: FakeMachine) -> None:
    path = machine.shared_library(LIBRARY, source=FOLDER / "abi/nvml.c")
    VENDOR.detect(machine.world())
    assert ctypes.CDLL(str(path)).fake_open_count() == 0


def test_an_older_driver_has_unversioned_symbols_and_bridged_pairs(machine: FakeMachine) -> None:
    card = detect(machine, "OLD").accelerators[2]
    assert (card.bus_id, card.memory_used_bytes, card.runtime_version) == ("0000:52:00.0", 1575 << 20, "12.8")
    assert card.architecture is None
    kinds = {link.peer_index: (link.kind, link.name) for link in card.links}
    assert kinds[3] == (LinkKind.FABRIC, "NV4")
    assert kinds[0] == (LinkKind.NODE, None)
    assert kinds[7] == (LinkKind.SYS, None)


def test_without_nvlink_the_way_over_pci_is_told(machine: FakeMachine) -> None:
    links = detect(machine, "NO_NVLINK").accelerators[0].links
    assert [link.kind.value for link in links] == ["pxb", "node", "node", "sys", "sys", "sys", "sys"]


def test_each_ailment_has_its_sentence(machine: FakeMachine) -> None:
    cards = detect(machine, "SICK").accelerators
    states = [card.health.state.value for card in cards]
    assert states == ["ok", "failed", "failed", "warning", "warning", "failed", "ok", "warning"]
    said = [" ".join(card.health.reasons) for card in cards]
    assert "2 uncorrected ECC errors since the last reset" in said[1]
    assert "5 uncorrected ECC errors in its life" in said[1]
    assert "could not be remapped" in said[2]
    assert "waits to be retired" in said[3]
    assert "4 pages of its memory are retired" in said[3]
    assert "too hot" in said[4]
    assert "91 °C, and it slows down at 90" in said[4]
    assert "Xid 79" in said[5]
    assert "16 NVLinks are up; another card of this node has 18" in said[7]
    assert (cards[5].bus_id, cards[5].memory_bytes, cards[5].links) == ("0000:c3:00.0", 0, ())
    assert [link.peer_index for link in cards[0].links] == [1, 2, 3, 4, 6, 7]


def test_a_switched_board_needs_its_fabric_manager(machine: FakeMachine) -> None:
    health = detect(machine, "STALE_FABRIC").accelerators[0].health
    assert health.state is HealthState.FAILED
    assert "nvidia-fabricmanager" in health.reasons[0]


def test_mig_slices_are_devices_of_their_own(machine: FakeMachine) -> None:
    found = detect(machine, "MIG")
    card = found.accelerators[0]
    assert card.partitioning.mode == "mig"
    assert [(one.name[-7:], one.uuid[-1], one.memory_bytes >> 20) for one in card.partitioning.partitions] == [
        ("3g.40gb", "1", 40192),
        ("1g.10gb", "2", 9856),
    ]
    assert card.utilization is None
    assert found.problems == ()
    for one in card.partitioning.partitions:
        assert one.uuid.startswith("MIG-")
        assert one.selectors.process == {"CUDA_VISIBLE_DEVICES": one.uuid}
        assert one.selectors.container == {"NVIDIA_VISIBLE_DEVICES": one.uuid}
    assert [one.selectors.kubernetes for one in card.partitioning.partitions] == [
        "nvidia.com/mig-3g.40gb",
        "nvidia.com/mig-1g.10gb",
    ]


def test_an_index_counts_as_nvml_does(machine: FakeMachine) -> None:
    """CUDA's own order is by speed."""
    for card in detect(machine).accelerators:
        assert card.selectors.process == {"CUDA_VISIBLE_DEVICES": str(card.index)}
        assert card.selectors.fixed == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_what_cannot_be_true_is_left_out_and_told(machine: FakeMachine) -> None:
    found = detect(machine, "LYING")
    card = found.accelerators[0]
    assert (card.utilization, card.temperature_celsius, card.power_watts) == (None, None, None)
    assert card.memory_bytes == 0
    said = " ".join(problem.message for problem in found.problems)
    assert "The utilization cannot be true: card 0 says 65535" in said
    assert "The temperature cannot be true: card 0 says -1" in said
    assert "The memory size cannot be true" in said
    assert "No power is given for card 0, 1" in said
    assert len(found.problems) == 4


def test_a_card_that_the_driver_does_not_list_is_told(machine: FakeMachine) -> None:
    machine.pci("0000:e9:00.0", ids="10de:2330", device_class="030200")
    found = detect(machine)
    assert "0000:e9:00.0" in found.problems[0].message


@pytest.mark.parametrize(
    ("define", "words"),
    [
        ("NO_DRIVER", "the NVIDIA driver is not loaded"),
        ("NO_COUNT", "The library has no nvmlDeviceGetCount"),
        ("MANY", "counts 4294967295 cards"),
    ],
)
def test_a_library_that_does_not_start_leads_to_the_tool(machine: FakeMachine, define: str, words: str) -> None:
    machine.tool("nvidia-smi", answers=ANSWERS)
    found = detect(machine, define)
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    assert words in found.problems[0].message


def test_the_tool_tells_the_same_of_eight_cards(machine: FakeMachine) -> None:
    machine.tool("nvidia-smi", answers=ANSWERS)
    found = VENDOR.detect(machine.world())
    assert found.source == "tool"
    assert [problem.message.split(":")[0] for problem in found.problems] == ["NVML"]
    card = found.accelerators[4]
    assert (card.name, card.bus_id, card.numa_node) == ("NVIDIA H100 80GB HBM3", "0000:9d:00.0", 1)
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (81559 << 20, 1024 << 20, 0.4)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (34, 74.5, 700)
    assert (card.driver_version, card.runtime_version, card.architecture) == ("570.124.06", "12.8", "Hopper")
    assert card.selectors.device_nodes[0] == "/dev/nvidia4"
    assert {link.name for link in card.links} == {"NV18"}
    assert len(card.links) == 7
    states = [card.health.state.value for card in found.accelerators]
    assert states == ["ok", "failed", "warning", "ok", "ok", "ok", "ok", "ok"]


def test_a_recorded_a100_in_four_slices(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:01:00.0", ids="10de:20b2", device_class="030200", numa_node=3)
    machine.tool(
        "nvidia-smi",
        answers={"-q -x": FOLDER / "recorded_a100_mig.xml", "topo -m": "\tGPU0\nGPU0\t X \n", "-L": "no such option\n"},
    )
    found = VENDOR.detect(machine.world())
    (card,) = found.accelerators
    assert (card.name, card.bus_id) == ("NVIDIA A100-SXM4-80GB", "0000:01:00.0")
    assert (card.memory_bytes, card.power_watts, card.power_limit_watts) == (81920 << 20, 67.03, 500)
    assert (card.utilization, card.temperature_celsius) == (None, 27)
    assert [one.memory_bytes >> 20 for one in card.partitioning.partitions] == [19968] * 4
    assert card.health.state is HealthState.OK
    assert len(found.problems) == 1


def test_slices_get_their_names_from_the_list(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:01:00.0", ids="10de:20b2", device_class="030200")
    listed = (
        "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-513536b6-7d19-9063-b049-1e69664bb298)\n"
        "  MIG 2g.20gb     Device  0: (UUID: MIG-1)\n  MIG 2g.20gb     Device  1: (UUID: MIG-2)\n"
    )
    machine.tool("nvidia-smi", answers={"-q -x": FOLDER / "recorded_a100_mig.xml", "topo -m": "", "-L": listed})
    partitions = VENDOR.detect(machine.world()).accelerators[0].partitioning.partitions
    assert [(one.name, one.uuid) for one in partitions[:2]] == [("2g.20gb", "MIG-1"), ("2g.20gb", "MIG-2")]
    assert partitions[1].selectors.process == {"CUDA_VISIBLE_DEVICES": "MIG-2"}
    assert (partitions[3].uuid, partitions[3].selectors) == ("", Selectors())


def test_a_tool_that_lies_is_not_believed(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:01:00.0", ids="10de:20b2", device_class="030200")
    told = (FOLDER / "recorded_a100_mig.xml").read_text()
    for before, after in (
        ("<current_mig>Enabled", "<current_mig>Disabled"),
        ("<gpu_util>N/A", "<gpu_util>[Not Supported]"),
        ("<gpu_temp>27 C", "<gpu_temp>-1 C"),
        ("<power_draw>67.03 W", "<power_draw>65535.00 W"),
        ("<used>50 MiB", "<used>99999 MiB"),
    ):
        assert before in told
        told = told.replace(before, after)
    machine.tool("nvidia-smi", answers={"-q -x": told, "topo -m": "garbage\n", "-L": ""})
    found = VENDOR.detect(machine.world())
    card = found.accelerators[0]
    assert (card.utilization, card.temperature_celsius, card.power_watts) == (None, None, None)
    assert (card.memory_bytes, card.memory_used_bytes) == (81920 << 20, None)
    assert len(found.problems) == 5


def test_a_hanging_tool_leaves_what_the_bus_says(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.2)
    machine.hanging_tool("nvidia-smi")
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("pci", 8)
    card = found.accelerators[7]
    assert (card.name, card.memory_bytes, card.health.state) == ("NVIDIA H100 80GB HBM3", 0, HealthState.UNKNOWN)
    assert "said nothing for" in found.problems[1].message


@pytest.mark.parametrize("answer", ["", "not xml", "<nvidia_smi_log></nvidia_smi_log>"])
def test_nonsense_leaves_what_the_bus_says(machine: FakeMachine, answer: str) -> None:
    machine.tool("nvidia-smi", answers={"-q -x": answer})
    assert VENDOR.detect(machine.world()).source == "pci"


def test_a_tool_that_fails_is_quoted(machine: FakeMachine) -> None:
    machine.failing_tool("nvidia-smi", says="NVIDIA-SMI has failed because it couldn't communicate with the driver.")
    found = VENDOR.detect(machine.world())
    assert found.source == "pci"
    assert "couldn't communicate with the driver" in found.problems[1].message


def test_the_gate(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:03:00.0", ids="1002:74a1", device_class="120000")
    machine.tool("nvidia-smi", answers=ANSWERS)
    assert not VENDOR.is_present(machine.world())
    machine.nodes("dev/nvidiactl")
    assert VENDOR.is_present(machine.world())
