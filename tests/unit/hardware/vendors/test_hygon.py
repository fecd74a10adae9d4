"""Hygon: its own librocm_smi64 through the ABI, hy-smi with its forgotten commas, and what tells it from AMD."""

from pathlib import Path

import pytest

from appliance.hardware.inventory import Detected, HealthState
from appliance.hardware.vendors.hygon import VENDOR
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.replayed_nodes import HYGON

FOLDER = SAMPLES / "hygon"
LIBRARY = HYGON.shared_library
SOURCE = SAMPLES / "amd/abi/rocm_smi.c"


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    HYGON.plug(machine)
    return machine


def detect(machine: FakeMachine, *defines: str) -> Detected:
    HYGON.install(machine, *defines)
    return VENDOR.detect(machine.world())


def test_eight_cards_as_recorded(machine: FakeMachine) -> None:
    found = detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[5]
    assert (card.family, card.vendor, card.name, card.index) == ("dtk", "hygon", "K100_AI", 5)
    assert (card.uuid, card.bus_id, card.numa_node) == ("GPU-7151be4ceb721101", "0000:20:00.0", 1)
    assert (card.memory_bytes, card.memory_used_bytes) == (65520 << 20, 2 << 20)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (65, 110, 400)
    assert (card.driver_version, card.runtime_version, card.architecture) == ("6.3.8", "24.04.3", "gfx928")
    assert (card.health.state, card.links, card.partitioning.mode) == (HealthState.OK, (), None)
    assert card.selectors.process == {"HIP_VISIBLE_DEVICES": "5"}
    assert card.selectors.container == {"HYGON_VISIBLE_DEVICES": "5"}
    assert card.selectors.device_nodes == ("/dev/kfd", "/dev/mkfd")
    assert card.selectors.kubernetes == "hygon.com/dcu"


def test_uncorrected_errors_take_a_card_out(machine: FakeMachine) -> None:
    assert detect(machine, "SICK").accelerators[1].health.state is HealthState.FAILED


def test_a_library_without_its_symbols_leads_to_hy_smi(machine: FakeMachine) -> None:
    machine.tool("hy-smi", answers={"--json": FOLDER / "hy_smi_8_k100ai.json"}, folder="opt/hyhal/bin")
    found = detect(machine, "NO_COUNT")
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    card = found.accelerators[5]
    assert (card.name, card.uuid, card.bus_id) == ("K100_AI", "GPU-7151be4ceb721101", "0000:20:00.0")
    assert (card.memory_bytes, card.utilization, card.temperature_celsius) == (65520 << 20, 0, 65)
    assert (card.power_watts, card.power_limit_watts, card.driver_version) == (110, 400, "6.3.8")
    assert len(found.problems) == 1


def test_recorded_output_with_forgotten_commas(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    for bus in ("9f", "5e"):
        machine.pci(f"0000:{bus}:00.0", ids="1d94:6320", device_class="0b4000")
    machine.tool("hy-smi", answers={"--json": FOLDER / "recorded_hy_smi_2_bw.json"}, folder="opt/hyhal/bin")
    found = VENDOR.detect(machine.world())
    assert [(card.name, card.bus_id) for card in found.accelerators] == [
        ("BW", "0000:5e:00.0"),
        ("BW", "0000:9f:00.0"),
    ]
    card = found.accelerators[0]
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (65520 << 20, 64169 << 20, 0)
    assert (card.temperature_celsius, card.power_watts) == (57, 91)


def test_an_older_hy_smi_does_not_know_every_option(machine: FakeMachine) -> None:
    plain = "--showproductname --showmeminfo vram --showuse --showtemp --json"
    machine.script(
        "hy-smi",
        f'[ "$*" = "{plain}" ] || {{ echo "unrecognized arguments" >&2; exit 2; }}\n'
        """echo '{"card0": {"Card Series": "Z100", "DCU use (%)": "65535", "Temperature (Sensor edge) (C)": "N/A",'\n"""
        """echo '"vram Total Memory (MiB)": "16368", "vram Total Used Memory (MiB)": "N/A"}}'""",
        folder="opt/hyhal/bin",
    )
    found = VENDOR.detect(machine.world())
    card = found.accelerators[0]
    assert (card.name, card.memory_bytes, card.memory_used_bytes) == ("Z100", 16368 << 20, None)
    assert (card.utilization, card.temperature_celsius) == (None, None)
    said = " ".join(problem.message for problem in found.problems)
    assert "utilization cannot be true" in said
    assert "No temperature" in said


def test_a_hanging_tool_leaves_what_the_bus_says(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.2)
    machine.hanging_tool("hy-smi", folder="opt/hyhal/bin")
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("pci", 8)
    assert found.accelerators[0].name == "Hygon K100_AI"
    assert len(found.problems) == 2


def test_amds_library_and_tool_are_not_asked(machine: FakeMachine) -> None:
    machine.shared_library("opt/rocm/lib/librocm_smi64.so", source=SOURCE)
    machine.tool("rocm-smi", answers={"--json": "{}"})
    assert VENDOR.detect(machine.world()).source == "pci"


def test_a_hygon_processor_is_no_card(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:00:00.2", ids="1d94:1451", device_class="080600")
    machine.pci("0000:01:00.1", ids="1d94:1468", device_class="108000")
    machine.pci("0000:0c:00.0", ids="1002:74a1", device_class="120000")
    machine.nodes("dev/kfd")
    assert not VENDOR.is_present(machine.world())
