"""AMD: librocm_smi64 through its ABI, amd-smi and rocm-smi, amdgpu's /sys, and what happens when they fail or lie."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Detected, HealthState, LinkKind
from appliance.hardware.vendors import rocm_smi
from appliance.hardware.vendors.amd import VENDOR
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.replayed_nodes import AMD, HIP_ORDER, add_kfd

FOLDER = SAMPLES / "amd"
LIBRARY = AMD.shared_library


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    AMD.plug(machine)
    return machine


def detect(machine: FakeMachine, *defines: str) -> Detected:
    AMD.install(machine, *defines)
    return VENDOR.detect(machine.world())


def test_the_structure_has_room_for_what_newer_releases_write(machine: FakeMachine) -> None:
    library = ctypes.CDLL(str(machine.shared_library(LIBRARY, source=FOLDER / "abi/rocm_smi.c")))
    written = ctypes.c_uint32.in_dll(library, "sizeof_rsmi_error_count_t").value
    assert written == 24 <= ctypes.sizeof(rocm_smi.ErrorCount)
    assert ctypes.c_uint32.in_dll(library, "sizeof_rsmi_gpu_block_t").value == ctypes.sizeof(ctypes.c_uint64)


def test_eight_cards_on_infinity_fabric(machine: FakeMachine) -> None:
    add_kfd(machine, *HIP_ORDER)
    found = detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[1]
    assert (card.family, card.vendor, card.name) == ("rocm", "amd", "AMD Instinct MI300X OAM")
    assert (card.uuid, card.bus_id, card.numa_node) == ("GPU-cfb3160d6c053160", "0000:22:00.0", 0)
    assert (card.memory_bytes, card.memory_used_bytes) == (196592 << 20, 284 << 20)
    assert (card.utilization, card.temperature_celsius) == (0.1, 44)
    assert (card.power_watts, card.power_limit_watts) == (141, 750)
    assert (card.driver_version, card.runtime_version) == ("6.10.5", "7.0.2")
    assert (card.architecture, card.partitioning.mode) == ("gfx942", "SPX/NPS1")
    assert card.health.state is HealthState.OK
    assert {(link.kind, link.name, link.bytes_per_second) for link in card.links} == {
        (LinkKind.FABRIC, "XGMI", 64_000_000_000)
    }
    assert len(card.links) == 7
    assert card.selectors.process == {"HIP_VISIBLE_DEVICES": "2"}
    assert card.selectors.container == {"AMD_VISIBLE_DEVICES": "1"}
    assert card.selectors.device_nodes == ("/dev/kfd", "/dev/dri/renderD129")
    assert card.selectors.kubernetes == "amd.com/gpu"
    assert found.accelerators[0].uuid == "GPU-0cee36ddc4255115"
    assert found.accelerators[7].name == "AMD Instinct MI300X"


def test_the_library_is_closed_again(machine: FakeMachine) -> None:
    path = machine.shared_library(LIBRARY, source=FOLDER / "abi/rocm_smi.c")
    VENDOR.detect(machine.world())
    assert ctypes.CDLL(str(path)).fake_open_count() == 0


def test_an_older_release_has_fewer_symbols(machine: FakeMachine) -> None:
    found = detect(machine, "OLD")
    card = found.accelerators[1]
    assert (card.power_watts, card.partitioning.mode, card.architecture) == (141, None, None)
    assert found.problems == ()


def test_each_ailment_has_its_sentence(machine: FakeMachine) -> None:
    cards = detect(machine, "SICK").accelerators
    assert [card.health.state.value for card in cards[:5]] == ["ok", "failed", "warning", "warning", "ok"]
    assert "2 uncorrected ECC errors" in cards[1].health.reasons[0]
    assert "Infinity Fabric" in cards[2].health.reasons[0]
    assert "3 pages of its memory are retired" in cards[2].health.reasons[1]
    assert "106 °C, and 105 is critical" in cards[3].health.reasons[0]


def test_partitions_of_one_card_share_its_place(machine: FakeMachine) -> None:
    add_kfd(machine, 0, 0, 0, 0, 4, 5, 6, 7)
    found = detect(machine, "PARTITIONED")
    places = [card.bus_id for card in found.accelerators]
    assert places[:5] == ["0000:0c:00.0"] * 4 + ["0000:9f:00.0"]
    assert found.accelerators[3].partitioning.mode == "CPX/NPS1"
    assert [card.selectors.process["HIP_VISIBLE_DEVICES"] for card in found.accelerators] == list("01234567")
    assert "0000:22:00.0, 0000:38:00.0, 0000:5c:00.0" in found.problems[0].message


def test_what_cannot_be_true_is_left_out_and_told(machine: FakeMachine) -> None:
    found = detect(machine, "LYING")
    card = found.accelerators[0]
    assert (card.utilization, card.temperature_celsius, card.power_watts) == (None, None, None)
    assert (card.memory_bytes, card.memory_used_bytes) == (196592 << 20, None)
    assert len(found.problems) == 4


@pytest.mark.parametrize(
    ("define", "words"), [("NO_DRIVER", "is the kernel's driver loaded"), ("NO_COUNT", "has no rsmi_num_monitor")]
)
def test_a_library_that_does_not_start_leads_to_amd_smi(machine: FakeMachine, define: str, words: str) -> None:
    add_kfd(machine, *HIP_ORDER)
    answers = {"static --json": FOLDER / "amd_smi_static.json", "metric --json": FOLDER / "amd_smi_metric.json"}
    machine.tool("amd-smi", answers=answers, folder="opt/rocm/bin")
    found = detect(machine, define)
    assert found.source == "tool"
    assert [words in problem.message for problem in found.problems] == [True]
    card = found.accelerators[4]
    assert (card.name, card.uuid) == ("AMD Instinct MI300X", "GPU-0cee36ddc4255114")
    assert (card.bus_id, card.numa_node) == ("0000:9f:00.0", 1)
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (196592 << 20, 284 << 20, 0.4)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (38, 135, 750)
    assert (card.driver_version, card.architecture, card.partitioning.mode) == ("6.14.14", "gfx942", "SPX/NPS1")
    states = [card.health.state.value for card in found.accelerators]
    assert states == ["ok", "ok", "ok", "ok", "ok", "failed", "warning", "ok"]
    assert found.accelerators[3].selectors.process == {"HIP_VISIBLE_DEVICES": "0"}


def test_the_older_shape_of_amd_smi_is_a_bare_list(machine: FakeMachine) -> None:
    static = (
        '[{"gpu": 0, "asic": {"market_name": "MI210"}, "bus": {"bdf": "0000:0C:00.0"}, "limit": {"socket_power": 300}}]'
    )
    metric = (
        '[{"gpu": 0, "usage": {"gfx_activity": "N/A"}, "power": {"socket_power": -1}, "temperature": {"edge": 65535},'
        ' "mem_usage": {"total_vram": {"value": 65520, "unit": "MB"}, "used_vram": {"value": "N/A", "unit": "MB"}}}]'
    )
    machine.tool("amd-smi", answers={"static": static, "metric": metric})
    found = VENDOR.detect(machine.world())
    card = found.accelerators[0]
    assert (card.name, card.bus_id, card.power_limit_watts) == ("MI210", "0000:0c:00.0", 300)
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (65520 << 20, None, None)
    assert (card.temperature_celsius, card.power_watts) == (None, None)
    assert card.health.state is HealthState.UNKNOWN
    said = " ".join(problem.message for problem in found.problems)
    assert "temperature cannot be true" in said
    assert "power cannot be true" in said
    assert "No utilization" in said
    assert "0000:22:00.0" in said


def test_cards_without_figures_are_better_than_none(machine: FakeMachine) -> None:
    machine.tool("amd-smi", answers={"static --json": FOLDER / "amd_smi_static.json"})
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    assert (found.accelerators[0].memory_bytes, found.accelerators[0].utilization) == (196592 << 20, None)
    assert any("amd-smi metric: amd-smi ended with 64" in problem.message for problem in found.problems)


def test_recorded_rocm_smi_of_four_mi100(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    for bus in ("83", "a3", "c3", "e3"):
        machine.pci(f"0000:{bus}:00.0", ids="1002:738c", device_class="038000", numa_node=1)
    machine.tool("rocm-smi", answers={"--json": FOLDER / "recorded_rocm_smi_4_mi100.json"}, folder="opt/rocm/bin")
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("tool", 4)
    card = found.accelerators[1]
    assert (card.name, card.uuid) == ("Arcturus GL-XL [Instinct MI100]", "GPU-04edfb117a17a07d")
    assert (card.bus_id, card.numa_node) == ("0000:a3:00.0", 1)
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (34342961152, 6750208, 0)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (58, 44, 290)
    assert (card.driver_version, card.links) == ("6.3.6", ())
    assert len(found.problems) == 1


def test_without_rocm_the_kernel_still_tells(machine: FakeMachine) -> None:
    add_kfd(machine, *HIP_ORDER)
    for index, address in enumerate(AMD.bus_ids):
        folder = f"sys/bus/pci/devices/{address}"
        for name, text in (
            ("mem_info_vram_total", f"{196592 << 20}"),
            ("mem_info_vram_used", f"{284 << 20}"),
            ("gpu_busy_percent", f"{index * 10}"),
            ("unique_id", "cee36ddc4255115"),
            ("current_compute_partition", "SPX"),
            ("current_memory_partition", "NPS1"),
            ("ras/umc_err_count", f"ue: {1 if index == 2 else 0}\nce: 5"),
            ("hwmon/hwmon3/temp2_input", "41000"),
            ("hwmon/hwmon3/power1_input", "132000000"),
            ("hwmon/hwmon3/power1_cap", "750000000"),
        ):
            machine.file(f"{folder}/{name}", f"{text}\n")
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("pci", 8)
    card = found.accelerators[1]
    assert (card.name, card.uuid) == ("AMD Instinct MI300X", "GPU-0cee36ddc4255115")
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (196592 << 20, 284 << 20, 0.1)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (41, 132, 750)
    assert (card.architecture, card.partitioning.mode) == ("gfx942", "SPX/NPS1")
    assert [one.health.state.value for one in found.accelerators[:3]] == ["ok", "ok", "failed"]
    assert card.selectors.process == {"HIP_VISIBLE_DEVICES": "2"}
    assert len(found.problems) == 2


@pytest.mark.parametrize("tool", ["amd-smi", "rocm-smi"])
def test_a_hanging_tool_costs_its_limit_once(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.2)
    machine.hanging_tool(tool)
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("pci", 8)
    assert found.accelerators[0].name == "AMD Instinct MI300X"
    assert f"{tool} said nothing for" in found.problems[1].message


@pytest.mark.parametrize("answer", ["", "not json", "[]", '{"gpu_data": 3}', '"text"', "[1, null]"])
def test_nonsense_leaves_what_the_bus_says(machine: FakeMachine, answer: str) -> None:
    machine.tool("amd-smi", answers={"--json": answer})
    assert VENDOR.detect(machine.world()).source == "pci"


@pytest.mark.parametrize("answer", ["", "{}", '{"card0": "no"}', '{"cardX": {}}'])
def test_nonsense_of_the_older_tool_is_no_error(machine: FakeMachine, answer: str) -> None:
    machine.tool("rocm-smi", answers={"--json": answer})
    assert VENDOR.detect(machine.world()).source == "pci"


def test_the_gate_is_the_pci_id(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:07:00.0", ids="1d94:6210", device_class="0b4000")
    machine.nodes("dev/kfd")
    machine.tool("rocm-smi", answers={"--json": FOLDER / "recorded_rocm_smi_4_mi100.json"})
    assert not VENDOR.is_present(machine.world())
