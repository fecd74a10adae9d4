"""Iluvatar: its library's ABI, its tool's recorded table, and what becomes of a node where either fails."""

from pathlib import Path

import pytest

from appliance.hardware.discovery import discover
from appliance.hardware.inventory import HealthState
from appliance.hardware.vendors.iluvatar import VENDOR
from tests.fixtures.eight_cards import messages
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.replayed_nodes import ILUVATAR as NODE

TOOL_FOLDER = "usr/local/corex/bin"
GIB = 1024**3
UUIDS = "query-gpu=index,uuid"


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    made = FakeMachine(tmp_path)
    NODE.plug(made)
    return made


def install_tool(machine: FakeMachine) -> None:
    answers = {"": NODE.sample("ixsmi.txt"), UUIDS: NODE.sample("ixsmi-uuids.csv")}
    machine.tool("ixsmi", answers=answers, folder=TOOL_FOLDER)


def test_the_gate_is_the_pci_id_of_a_card(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    assert not VENDOR.is_present(machine.world())
    machine.pci("0000:01:00.0", ids="1e3e:0009", device_class="020000")
    assert not VENDOR.is_present(machine.world())


def test_the_library_tells_all_of_every_chip(machine: FakeMachine) -> None:
    NODE.install(machine)
    found = NODE.detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 16)
    card = found.accelerators[1]
    assert (card.family, card.vendor, card.name) == ("corex", "iluvatar", "Iluvatar BI-V150")
    assert (card.bus_id, card.uuid) == ("0000:16:00.0", "GPU-00000000-0000-0000-0000-000000000001")
    assert (card.memory_bytes, card.memory_used_bytes) == (32 * GIB, 65 * 1024**2)
    assert (card.utilization, card.temperature_celsius) == (0.25, 35.0)
    assert (card.power_watts, card.power_limit_watts) == (103.5, 350.0)
    assert (card.driver_version, card.runtime_version, card.compute_capability) == ("4.3.0", "10.2", "7.1")
    assert card.health.state is HealthState.OK
    assert card.selectors.device_nodes == ("/dev/iluvatar14",)
    assert card.selectors.container == {"IX_VISIBLE_DEVICES": card.uuid}


def test_the_chip_without_a_power_sensor_is_no_problem(machine: FakeMachine) -> None:
    NODE.install(machine)
    card = NODE.detect(machine).accelerators[0]
    assert (card.power_watts, card.power_limit_watts, card.health.state) == (None, None, HealthState.OK)


def test_an_old_library_lacks_figures_and_says_which(machine: FakeMachine) -> None:
    NODE.install(machine, "OLD")
    found = NODE.detect(machine)
    assert len(found.accelerators) == 16
    assert found.accelerators[1].power_limit_watts is None
    assert found.accelerators[1].power_watts == 103.5
    assert found.accelerators[1].health.state is HealthState.UNKNOWN
    [message] = messages(found)
    assert "ixmlDeviceGetHealth" in message
    assert "nvmlDeviceGetPowerManagementDefaultLimit" in message


def test_figures_that_cannot_be_are_left_out_and_said(machine: FakeMachine) -> None:
    NODE.install(machine, "LYING")
    found = NODE.detect(machine)
    card = found.accelerators[3]
    assert (card.memory_used_bytes, card.utilization, card.temperature_celsius) == (None, None, None)
    assert card.memory_bytes == 32 * GIB
    assert "card 3 says 7.03687e+13" in messages(found)[0]
    assert len(found.problems) == 3


def test_a_chip_that_is_gone_has_failed(machine: FakeMachine) -> None:
    NODE.install(machine, "LOST=5")
    found = NODE.detect(machine)
    gone = found.accelerators[5]
    assert (gone.health.state, gone.bus_id, gone.name) == (HealthState.FAILED, "0000:2a:00.0", "unknown")
    assert [card.health.state for card in found.accelerators].count(HealthState.OK) == 15


def test_a_chip_with_errors_says_so(machine: FakeMachine) -> None:
    NODE.install(machine, "ILL=2")
    health = NODE.detect(machine).accelerators[2].health
    assert health.state is HealthState.FAILED
    assert health.reasons == ("The driver reports health 0x200000000.", "2 uncorrected ECC errors.")


def test_a_card_on_the_bus_that_the_driver_does_not_list_is_told(machine: FakeMachine) -> None:
    machine.pci("0000:70:00.0", ids=NODE.ids, device_class="120000", numa_node=1)
    NODE.install(machine)
    found = NODE.detect(machine)
    assert len(found.accelerators) == 16
    assert messages(found) == ["On the PCI bus, but not known to the driver: 0000:70:00.0."]


def test_the_recorded_table_is_read_where_the_driver_does_not_answer_the_library(machine: FakeMachine) -> None:
    NODE.install(machine, "NO_DRIVER")
    install_tool(machine)
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("tool", 16)
    assert messages(found) == ["libixml: nvmlInit_v2 answered 9."]
    card = found.accelerators[15]
    assert (card.index, card.bus_id, card.name) == (15, "0000:67:00.0", "Iluvatar BI-V150")
    assert (card.power_watts, card.power_limit_watts, card.temperature_celsius) == (107.0, 350.0, 36.0)
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (32 * GIB, 64 * 1024**2, 0.0)
    assert (card.driver_version, card.runtime_version) == ("4.3.0", "10.2")
    assert card.uuid == "GPU-75401a56-2224-5257-8e2c-00000000000f"
    assert found.accelerators[0].power_watts is None


def test_a_tool_that_cannot_be_queried_gives_no_uuids(machine: FakeMachine) -> None:
    machine.script("ixsmi", f'[ $# = 0 ] || exit 2\ncat <<"END"\n{NODE.sample("ixsmi.txt")}END', folder=TOOL_FOLDER)
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("tool", 16)
    assert {card.uuid for card in found.accelerators} == {None}
    assert "uuids are unknown" in messages(found)[-1]


@pytest.mark.parametrize("says", ["", "No devices were found", "\x00\xff|||| 0 x | 1%"])
def test_a_tool_that_prints_no_table_leaves_the_bus(machine: FakeMachine, says: str) -> None:
    machine.tool("ixsmi", answers={"": says}, folder=TOOL_FOLDER)
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("pci", 16)
    assert found.accelerators[8].numa_node == 1
    assert found.accelerators[0].health.state is HealthState.UNKNOWN
    assert messages(found)[-1] == "ixsmi: The tool printed no table of cards."


def test_a_tool_that_fails_leaves_the_bus(machine: FakeMachine) -> None:
    machine.failing_tool("ixsmi", says="driver mismatch", folder=TOOL_FOLDER)
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("pci", 16)
    assert messages(found)[-1] == "ixsmi: ixsmi ended with 9: driver mismatch."


def test_a_library_that_hangs_costs_its_two_seconds(machine: FakeMachine) -> None:
    """Through the whole of discovery, in a process apart."""
    NODE.install(machine, "HANGING")
    inventory = discover(machine.root)
    assert [card.family for card in inventory.accelerators] == ["cpu", *["corex"] * 16]
    assert "did not answer within 2 s" in inventory.problems[0].message
