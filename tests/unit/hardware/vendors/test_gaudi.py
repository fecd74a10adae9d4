"""Intel Gaudi: HLML through its ABI, hl-smi's tables, and what happens when either fails or lies."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Detected, HealthState, LinkKind
from appliance.hardware.vendors import gaudi_library
from appliance.hardware.vendors.gaudi import VENDOR
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.replayed_nodes import GAUDI

FOLDER = SAMPLES / "gaudi"
LIBRARY = GAUDI.shared_library
RICH = "power.max"


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    GAUDI.plug(machine)
    return machine


def detect(machine: FakeMachine, *defines: str) -> Detected:
    GAUDI.install(machine, *defines)
    return VENDOR.detect(machine.world())


def test_structures_are_as_the_compiler_lays_them_out(machine: FakeMachine) -> None:
    library = ctypes.CDLL(str(machine.shared_library(LIBRARY, source=FOLDER / "abi/hlml.c")))
    for name, size in (
        ("hlml_pci_info_t", ctypes.sizeof(gaudi_library.PciPlace)),
        ("hlml_memory_t", ctypes.sizeof(gaudi_library.Memory)),
        ("hlml_utilization_t", ctypes.sizeof(ctypes.c_uint)),
    ):
        assert ctypes.c_uint.in_dll(library, f"sizeof_{name}").value == size, name


def test_eight_cards_of_one_box(machine: FakeMachine) -> None:
    found = detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[3]
    assert (card.family, card.vendor, card.name, card.index) == ("gaudi", "gaudi", "HL-325L", 3)
    assert (card.uuid, card.bus_id) == ("01P4-HL3090A0-18-UAN071-04-07-03", "0000:9b:00.0")
    assert (card.memory_bytes, card.memory_used_bytes) == (131072 << 20, 672 << 20)
    assert (card.utilization, card.temperature_celsius) == (0.3, 39)
    assert (card.power_watts, card.power_limit_watts) == (226, 850)
    assert (card.driver_version, card.architecture, card.numa_node) == ("1.24.1-b336d5e", "Gaudi 3", 1)
    assert card.health.state is HealthState.OK
    assert [link.peer_index for link in card.links] == [0, 1, 2, 4, 5, 6, 7]
    assert {(link.kind, link.name, link.bytes_per_second) for link in card.links} == {
        (LinkKind.FABRIC, "3xRoCE", 75_000_000_000)
    }
    assert card.selectors.process == {"HABANA_VISIBLE_MODULES": "6"}
    assert card.selectors.container == {"HABANA_VISIBLE_DEVICES": "3"}
    assert card.selectors.device_nodes == ("/dev/accel/accel3", "/dev/accel/accel_controlD3")
    assert card.selectors.kubernetes == "habana.ai/gaudi"


def test_the_library_is_closed_again(machine: FakeMachine) -> None:
    path = machine.shared_library(LIBRARY, source=FOLDER / "abi/hlml.c")
    VENDOR.detect(machine.world())
    assert ctypes.CDLL(str(path)).fake_open_count() == 0


def test_the_first_release_has_fewer_symbols(machine: FakeMachine) -> None:
    found = detect(machine, "OLD")
    card = found.accelerators[3]
    assert (card.driver_version, card.links, card.health.state) == ("1.9.0", (), HealthState.OK)
    assert card.selectors.process == {"HABANA_VISIBLE_MODULES": "3"}
    assert found.problems == ()


def test_the_kernel_says_which_node_a_card_has(machine: FakeMachine) -> None:
    machine.file("sys/bus/pci/devices/0000:9b:00.0/accel/accel5/dev", "261:5\n")
    nodes = detect(machine).accelerators[3].selectors.device_nodes
    assert nodes == ("/dev/accel/accel5", "/dev/accel/accel_controlD5")


def test_each_ailment_has_its_sentence(machine: FakeMachine) -> None:
    cards = detect(machine, "SICK").accelerators
    states = [card.health.state.value for card in cards[:6]]
    assert states == ["ok", "failed", "warning", "warning", "failed", "ok"]
    said = [" ".join(card.health.reasons) for card in cards]
    assert "1 uncorrected ECC errors since the last reset" in said[1]
    assert "3 uncorrected ECC errors in its life" in said[1]
    assert "waits to be replaced" in said[2]
    assert "2 rows of its memory were replaced" in said[2]
    assert "8 of 21 ports to the other cards are up" in said[2]
    assert "Throttled by its temperature" in said[3]
    assert "105 °C, and it slows down at 104" in said[3]
    assert "cannot reach the card" in said[4]


def test_what_cannot_be_true_is_left_out_and_told(machine: FakeMachine) -> None:
    found = detect(machine, "LYING")
    card = found.accelerators[0]
    assert (card.utilization, card.temperature_celsius, card.power_watts) == (None, None, None)
    assert card.memory_bytes == 0
    said = " ".join(problem.message for problem in found.problems)
    assert "The utilization cannot be true: card 0 says 65535" in said
    assert "The temperature cannot be true: card 0 says -1" in said
    assert "The memory size cannot be true" in said
    assert "No power is given" in said


@pytest.mark.parametrize(
    ("define", "words"),
    [("NO_DRIVER", "habanalabs driver is not loaded"), ("NO_COUNT", "has no hlml_device_get_count")],
)
def test_a_library_that_does_not_start_leads_to_the_tool(machine: FakeMachine, define: str, words: str) -> None:
    machine.tool("hl-smi", answers={RICH: FOLDER / "hl_smi_8_gaudi3.csv"})
    found = detect(machine, define)
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    assert [words in problem.message for problem in found.problems] == [True]
    card = found.accelerators[4]
    assert (card.name, card.uuid) == ("HL-325L", "01P4-HL3090A0-18-UAN071-08-07-01")
    assert (card.bus_id, card.numa_node, card.architecture) == ("0000:19:00.0", 0, "Gaudi 3")
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (131072 << 20, 672 << 20, 0.4)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (40, 226, 850)
    assert card.selectors.process == {"HABANA_VISIBLE_MODULES": "0"}
    assert card.selectors.device_nodes == ("/dev/accel/accel4", "/dev/accel/accel_controlD4")
    assert [one.health.state.value for one in found.accelerators] == ["ok"] * 6 + ["failed", "ok"]


def test_a_published_table_has_other_columns(machine: FakeMachine) -> None:
    machine.tool("hl-smi", answers={"-Q": FOLDER / "recorded_hl_smi_8_gaudi3.csv"})
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    card = found.accelerators[7]
    assert (card.bus_id, card.memory_used_bytes, card.driver_version) == ("0000:db:00.0", 672 << 20, "1.24.1-b336d5e")
    assert (card.temperature_celsius, card.health.state) == (None, HealthState.UNKNOWN)
    said = " ".join(problem.message for problem in found.problems)
    assert "No temperature is given for card 0, 1, 2, 3, 4, 5, 6, 7" in said


def test_an_older_tool_does_not_know_every_field(machine: FakeMachine) -> None:
    table = "index, bus_id, memory.total [MiB], utilization.aip [%], temperature.aip [C]\n"
    machine.script(
        "hl-smi",
        f'case "$2" in *{RICH}*) echo "Invalid field {RICH}" >&2; exit 1 ;; esac\n'
        f"cat <<END\n{table}0, 0000:3b:00.0, 32768 MiB, 65535 %, -1 C\ntorn, line\nEND",
    )
    found = VENDOR.detect(machine.world())
    (card,) = found.accelerators
    assert (card.memory_bytes, card.utilization, card.temperature_celsius) == (32768 << 20, None, None)
    said = " ".join(problem.message for problem in found.problems)
    assert "utilization cannot be true" in said
    assert "temperature cannot be true" in said
    assert "0000:4c:00.0" in said


def test_a_hanging_tool_leaves_what_the_bus_says(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.2)
    machine.hanging_tool("hl-smi")
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators), found.accelerators[0].name) == ("pci", 8, "Gaudi 3")
    assert "said nothing for" in found.problems[1].message


@pytest.mark.parametrize("answer", ["", "\n\n", "no table", "index\nnone\n"])
def test_nonsense_leaves_what_the_bus_says(machine: FakeMachine, answer: str) -> None:
    machine.tool("hl-smi", answers={"-Q": answer})
    assert VENDOR.detect(machine.world()).source == "pci"


def test_the_gate_is_the_pci_id_and_class(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:03:00.0", ids="1da3:0042", device_class="020000")
    machine.pci("0000:04:00.0", ids="8086:0bd5", device_class="038000")
    assert not VENDOR.is_present(machine.world())
