"""T-Head: the NVML-shaped library under its own names, MIG, the tool's documented table, and failures."""

from pathlib import Path

import pytest

from appliance.hardware.discovery import discover
from appliance.hardware.inventory import HealthState
from appliance.hardware.vendors.thead import VENDOR
from tests.fixtures.eight_cards import messages
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.replayed_nodes import THEAD as NODE

GIB = 1024**3


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    made = FakeMachine(tmp_path)
    NODE.plug(made)
    return made


def test_a_network_device_of_alibabas_is_no_card(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:00:05.0", ids="1ded:107f", device_class="020000")
    assert not VENDOR.is_present(machine.world())


def test_the_library_tells_all_of_every_card(machine: FakeMachine) -> None:
    NODE.install(machine)
    found = NODE.detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[7]
    assert (card.family, card.vendor, card.name) == ("hggc", "thead", "PPU-ZW810E")
    assert (card.bus_id, card.uuid) == ("0001:c9:00.0", "GPU-019ea108-0000-0000-0000-000000000007")
    assert (card.memory_bytes, card.memory_used_bytes) == (96 * GIB, 49 * 1024**2)
    assert (card.utilization, card.temperature_celsius) == (0.11, 24.0)
    assert (card.power_watts, card.power_limit_watts) == (74.25, 400.0)
    assert (card.driver_version, card.runtime_version, card.compute_capability) == ("2.1.0-dbda51", "13.0", "8.0")
    assert card.health.state is HealthState.OK
    assert card.partitioning.mode is None
    assert card.selectors.device_nodes == ("/dev/alixpu_ppu7", "/dev/alixpu", "/dev/alixpu_ctl")


def test_a_card_that_is_cut_up_lists_its_instances(machine: FakeMachine) -> None:
    NODE.install(machine, "MIG")
    cards = NODE.detect(machine).accelerators
    assert cards[2].partitioning.mode == "mig"
    assert [(one.name, one.uuid, one.memory_bytes) for one in cards[2].partitioning.partitions] == [
        ("PPU-ZW810E MIG 1g.48gb", "MIG-1", 48 * GIB),
        ("PPU-ZW810E MIG 1g.48gb", "MIG-2", 48 * GIB),
    ]
    assert [card.partitioning.mode for card in cards].count(None) == 7


def test_uncorrected_errors_are_a_warning(machine: FakeMachine) -> None:
    NODE.install(machine, "ILL=4")
    health = NODE.detect(machine).accelerators[4].health
    assert health.state is HealthState.WARNING
    assert health.reasons == ("3 uncorrected ECC errors since the driver started.",)


def test_an_older_library_starts_otherwise_and_says_what_it_lacks(machine: FakeMachine) -> None:
    NODE.install(machine, "OLD")
    found = NODE.detect(machine)
    assert len(found.accelerators) == 8
    assert found.accelerators[0].health.state is HealthState.UNKNOWN
    assert messages(found) == ["libhgml.so has no hgmlDeviceGetMigMode, hgmlDeviceGetTotalEccErrors."]


def test_the_documented_table_is_read_where_there_is_no_library(machine: FakeMachine) -> None:
    machine.tool("ppu-smi", answers={"": NODE.sample("ppu-smi.txt"), "-L": NODE.sample("ppu-smi-L.txt")})
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    assert "No library of" in messages(found)[0]
    card = found.accelerators[0]
    assert (card.name, card.bus_id) == ("PPU-ZW810E", "0000:08:00.0")
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (96 * GIB, 49 * 1024**2, 0.04)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (24.0, 74.0, 400.0)
    assert (card.driver_version, card.runtime_version) == ("2.1.0-dbda51", "13.0")
    assert card.uuid == "GPU-019ea108-c110-0828-0000-000000000000"
    assert card.health.state is HealthState.OK
    assert found.accelerators[5].health.state is HealthState.WARNING


def test_without_library_and_tool_the_bus_is_left(machine: FakeMachine) -> None:
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators), len(found.problems)) == ("pci", 8, 2)
    assert {problem.vendor for problem in found.problems} == {"thead"}
    assert {card.name for card in found.accelerators} == {"PCI device 1ded:6001"}


def test_a_library_that_crashes_takes_nobody_with_it(machine: FakeMachine) -> None:
    """Through the whole of discovery, in a process apart."""
    NODE.install(machine, "CRASHING")
    inventory = discover(machine.root)
    assert [card.family for card in inventory.accelerators] == ["cpu", *["hggc"] * 8]
    assert "SIGABRT" in inventory.problems[0].message
