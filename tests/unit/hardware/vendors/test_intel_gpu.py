"""Intel GPUs: Level Zero Sysman through its ABI, xpu-smi, and what tells Intel's from Kunlunxin's tool of that name."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Detected, HealthState, LinkKind
from appliance.hardware.vendors import sysman
from appliance.hardware.vendors.intel_gpu import VENDOR
from appliance.hardware.vendors.intel_gpu_power import rate
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.replayed_nodes import INTEL

FOLDER = SAMPLES / "intel_gpu"
LIBRARY = INTEL.shared_library
ANSWERS = {
    "discovery -j": FOLDER / "discovery.json",
    "discovery -d 3 -j": FOLDER / "discovery_of_3.json",
    "stats -d 3 -j": FOLDER / "stats_of_3.json",
}


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    INTEL.plug(machine)
    return machine


def detect(machine: FakeMachine, *defines: str) -> Detected:
    INTEL.install(machine, *defines)
    return VENDOR.detect(machine.world())


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("ze_device_properties_t", sysman.CoreProperties),
        ("zes_device_properties_t", sysman.DeviceProperties),
        ("zes_pci_properties_t", sysman.PciProperties),
        ("zes_device_state_t", sysman.DeviceState),
        ("zes_mem_properties_t", sysman.MemoryProperties),
        ("zes_mem_state_t", sysman.MemoryState),
        ("zes_power_properties_t", sysman.PowerProperties),
        ("zes_power_energy_counter_t", sysman.Counter),
        ("zes_engine_stats_t", sysman.Counter),
        ("zes_power_sustained_limit_t", sysman.SustainedLimit),
        ("zes_engine_properties_t", sysman.EngineProperties),
        ("zes_temp_properties_t", sysman.TemperatureProperties),
        ("zes_freq_state_t", sysman.FrequencyState),
        ("zes_ras_properties_t", sysman.RasProperties),
        ("zes_ras_state_t", sysman.RasState),
        ("zes_fabric_port_properties_t", sysman.PortProperties),
        ("zes_fabric_port_state_t", sysman.PortState),
    ],
)
def test_structures_are_as_the_compiler_lays_them_out(
    tmp_path: Path, name: str, structure: type[ctypes.Structure]
) -> None:
    library = ctypes.CDLL(str(FakeMachine(tmp_path).shared_library(LIBRARY, source=FOLDER / "abi/sysman.c")))
    assert ctypes.c_uint32.in_dll(library, f"sizeof_{name}").value == ctypes.sizeof(structure)


def test_eight_cards_on_xe_link(machine: FakeMachine) -> None:
    found = detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[3]
    assert (card.family, card.vendor, card.index) == ("xpu", "intel", 3)
    assert card.name == "Intel(R) Data Center GPU Max 1550"
    assert (card.uuid, card.bus_id, card.numa_node) == (
        "01000000-0000-004d-0000-002f0bd58086",
        "0000:4d:00.0",
        0,
    )
    assert (card.memory_bytes, card.memory_used_bytes) == (128 << 30, 2 << 30)
    assert (card.utilization, card.temperature_celsius) == (0.25, 44.5)
    assert (card.power_watts, card.power_limit_watts) == (123, 550)
    assert (card.driver_version, card.health.state, card.health.reasons) == ("25.18.33578", HealthState.OK, ())
    assert [link.peer_index for link in card.links] == [0, 1, 2, 4, 5, 6, 7]
    assert {(link.kind, link.name, link.bytes_per_second) for link in card.links} == {
        (LinkKind.FABRIC, "XL2", 53_000_000_000)
    }
    assert card.selectors.process == {"ZE_AFFINITY_MASK": "3"}
    assert card.selectors.device_nodes == ("/dev/dri/card3", "/dev/dri/renderD131")
    assert card.selectors.kubernetes == "gpu.intel.com/xe"
    assert found.accelerators[1].power_limit_watts == 600


def test_a_further_look_does_not_wait_for_the_counters(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("appliance.hardware.vendors.intel_gpu_power.time.sleep", waits.append)
    first, second = detect(machine), VENDOR.detect(machine.world())
    assert len(waits) == 1
    assert first.accelerators[3].utilization == second.accelerators[3].utilization == 0.25
    assert first.accelerators[3].power_watts == second.accelerators[3].power_watts


def test_a_counter_that_begins_anew_tells_nothing() -> None:
    before, after = sysman.Counter(value=50, timestamp=1), sysman.Counter(value=10, timestamp=2)
    assert rate(before, after) is None


def test_a_driver_may_answer_little(machine: FakeMachine) -> None:
    found = detect(machine, "LEAN")
    card = found.accelerators[3]
    assert (card.memory_bytes, card.temperature_celsius) == (128 << 30, 44.5)
    assert (card.utilization, card.power_watts, card.power_limit_watts, card.links) == (None, None, None, ())
    assert card.health.state is HealthState.OK
    assert [problem.message.split(" is given")[0] for problem in found.problems] == ["No utilization", "No power"]


def test_each_ailment_has_its_sentence(machine: FakeMachine) -> None:
    cards = detect(machine, "SICK").accelerators
    assert [card.health.state.value for card in cards] == [
        *("ok", "failed", "failed", "warning", "failed", "warning", "ok", "ok")
    ]
    said = [" ".join(card.health.reasons) for card in cards]
    assert "wedged" in said[1]
    assert "have the card replaced" in said[2]
    assert "memory is degraded" in said[3]
    assert "2 uncorrected errors" in said[4]
    assert "has reset it 3 times" in said[4]
    assert "Throttled by its temperature" in said[5]
    assert "3 of its 15 Xe Link ports have failed" in said[5]
    names = {link.peer_index: link.name for link in cards[5].links}
    assert names == {0: "XL2", 1: "XL2", 2: "XL2", 3: "XL2", 4: "XL2", 7: "XL1"}


def test_what_cannot_be_true_is_left_out_and_told(machine: FakeMachine) -> None:
    found = detect(machine, "LYING")
    card = found.accelerators[0]
    assert (card.utilization, card.temperature_celsius, card.power_watts) == (None, None, None)
    said = " ".join(problem.message for problem in found.problems)
    assert "The utilization cannot be true: card 0 says 70000" in said
    assert "The temperature cannot be true: card 0 says -1" in said
    assert "The power cannot be true: card 0 says 65535" in said


@pytest.mark.parametrize(
    ("define", "words"), [("NO_INIT", "The library has no zesInit"), ("NO_DRIVER", "no driver answers")]
)
def test_a_loader_that_does_not_start_leads_to_the_tool(machine: FakeMachine, define: str, words: str) -> None:
    machine.tool("xpu-smi", answers=ANSWERS)
    found = detect(machine, define)
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    assert words in found.problems[0].message
    card = found.accelerators[3]
    assert (card.name, card.uuid) == ("Intel(R) Data Center GPU Max 1550", "01000000-0000-004d-0000-002f0bd58086")
    assert (card.bus_id, card.memory_bytes) == ("0000:4d:00.0", 128 << 30)
    assert card.memory_used_bytes == int(2048.5 * (1 << 20))
    assert (card.utilization, card.temperature_celsius, card.power_watts) == (0.25, 46, 123.4)
    assert (card.driver_version, card.health.state) == ("25.18.33578", HealthState.UNKNOWN)
    assert found.accelerators[0].utilization is None
    assert any("No utilization is given for card 0, 1, 2, 4" in problem.message for problem in found.problems)


def test_a_tool_that_lies_is_not_believed(machine: FakeMachine) -> None:
    stats = (FOLDER / "stats_of_3.json").read_text()
    for before, after in (("25.0", "65535"), ("46.0", "-1"), ("44.0", "-1"), ("123.4", '"N/A"')):
        assert before in stats
        stats = stats.replace(before, after)
    machine.tool("xpu-smi", answers={**ANSWERS, "stats -d 3 -j": stats, "discovery -d 3 -j": "no JSON"})
    found = VENDOR.detect(machine.world())
    card = found.accelerators[3]
    assert (card.utilization, card.temperature_celsius, card.power_watts) == (None, None, None)
    assert (card.memory_bytes, card.driver_version) == (0, None)
    said = " ".join(problem.message for problem in found.problems)
    assert "The utilization cannot be true: card 3 says 65535" in said
    assert "The temperature cannot be true: card 3 says -1" in said


def test_a_hanging_tool_leaves_what_the_bus_says(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.2)
    machine.hanging_tool("xpu-smi")
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("pci", 8)
    card = found.accelerators[2]
    assert (card.name, card.memory_bytes) == ("Intel Data Center GPU Max 1550", 0)
    assert card.selectors.device_nodes == ("/dev/dri/card2", "/dev/dri/renderD130")
    assert "said nothing for" in found.problems[1].message


@pytest.mark.parametrize("answer", ["", "| XPU-SMI | P800 |", "{}", '{"device_list": [{}]}', '{"device_list": "none"}'])
def test_kunlunxins_tool_and_other_nonsense_leave_what_the_bus_says(machine: FakeMachine, answer: str) -> None:
    machine.tool("xpu-smi", answers={"-j": answer})
    assert VENDOR.detect(machine.world()).source == "pci"


def test_only_intels_cards_open_the_gate(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:00:02.0", ids="8086:4680", device_class="030000")
    machine.pci("0000:00:0b.0", ids="8086:7d1d", device_class="120000")
    machine.pci("0000:17:00.0", ids="1d22:3685", device_class="120000")
    machine.nodes("dev/xpu0", "dev/xpuctrl")
    machine.tool("xpu-smi", answers=ANSWERS)
    assert not VENDOR.is_present(machine.world())
    machine.pci("0000:3a:00.0", ids="8086:56c0", device_class="038000")
    assert VENDOR.is_present(machine.world())


def test_a_virtual_function_is_no_card(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    whole = machine.pci("0000:3a:00.0", ids="8086:56c0", device_class="038000")
    share = machine.pci("0000:3a:00.1", ids="8086:56c0", device_class="038000")
    (share / "physfn").symlink_to(whole)
    assert [card.bus_id for card in VENDOR.detect(machine.world()).accelerators] == ["0000:3a:00.0"]
