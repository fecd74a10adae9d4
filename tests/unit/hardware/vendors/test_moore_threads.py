"""Moore Threads: its library's ABI and handles, MTLink, its tool's JSON and recorded table, and failures."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import HealthState, LinkKind
from appliance.hardware.vendors.moore_threads import LinkSpec, PciPlace, Property
from tests.fixtures.eight_cards import messages
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.replayed_nodes import MOORE_THREADS as NODE

GIB = 1024**3


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    made = FakeMachine(tmp_path)
    NODE.plug(made)
    return made


def test_the_layouts_are_the_headers() -> None:
    """Sizes that the vendor's own `test_abi_layout.py` pins."""
    assert [ctypes.sizeof(one) for one in (PciPlace, LinkSpec, Property)] == [104, 28, 8]


def test_the_library_tells_all_of_every_card(machine: FakeMachine) -> None:
    NODE.install(machine)
    found = NODE.detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[4]
    assert (card.family, card.vendor, card.name) == ("musa", "moore_threads", "MTT S5000")
    assert (card.bus_id, card.uuid) == ("0000:9a:00.0", "399282a8-ba01-1475-893c-000000000004")
    assert (card.memory_bytes, card.memory_used_bytes) == (80 * GIB, 5 * GIB)
    assert (card.utilization, card.temperature_celsius) == (0.12, 27.0)
    assert (card.power_watts, card.power_limit_watts) == (96.66, None)
    assert card.driver_version == "3.3.5-server"
    assert card.health.state is HealthState.OK
    assert card.selectors.device_nodes == ("/dev/mtgpu.4", "/dev/dri/card5", "/dev/dri/renderD132")
    assert card.selectors.container == {"MTHREADS_VISIBLE_DEVICES": "4"}
    assert found.accelerators[6].health.reasons == ("2 uncorrected ECC errors since the driver started.",)


def test_every_handle_is_given_back(machine: FakeMachine) -> None:
    NODE.install(machine)
    NODE.detect(machine)
    assert ctypes.CDLL(str(machine.root / NODE.shared_library)).sample_held() == 0


def test_mtlink_names_the_neighbour_and_the_bandwidth(machine: FakeMachine) -> None:
    NODE.install(machine)
    [link] = NODE.detect(machine).accelerators[4].links
    assert (link.peer_index, link.kind, link.name) == (5, LinkKind.FABRIC, "MT2")
    assert link.bytes_per_second == 100 * 10**9


def test_a_card_that_is_cut_up_says_so(machine: FakeMachine) -> None:
    NODE.install(machine, "MPC")
    modes = [card.partitioning.mode for card in NODE.detect(machine).accelerators]
    assert modes == [None, None, None, "mpc", None, None, None, None]


def test_a_card_on_which_the_driver_fails_has_failed(machine: FakeMachine) -> None:
    NODE.install(machine, "ILL=1")
    cards = NODE.detect(machine).accelerators
    assert (cards[1].health.state, cards[1].power_watts, cards[1].memory_bytes) == (HealthState.FAILED, None, 80 * GIB)
    assert cards[0].health.state is HealthState.OK


def test_an_old_library_lacks_figures_and_says_which(machine: FakeMachine) -> None:
    NODE.install(machine, "OLD")
    found = NODE.detect(machine)
    assert found.accelerators[0].links == ()
    lacking = "mtmlDeviceGetMtLinkSpec, mtmlDeviceGetProperty, mtmlMemoryGetEccErrorCounter"
    assert messages(found) == [f"libmtml.so has no {lacking}."]


def test_figures_that_cannot_be_are_left_out_and_said(machine: FakeMachine) -> None:
    NODE.install(machine, "LYING")
    found = NODE.detect(machine)
    assert (found.accelerators[0].power_watts, found.accelerators[0].temperature_celsius) == (None, None)
    assert messages(found)[0].startswith("The temperature cannot be true: card 0 says -273,")
    assert len(found.problems) == 2


def test_the_tools_json_is_read_where_there_is_no_library(machine: FakeMachine) -> None:
    machine.tool("mthreads-gmi", answers={"--query --json": NODE.sample("mthreads-gmi.json")})
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    card = found.accelerators[0]
    assert (card.name, card.bus_id) == ("MTT S5000", "0000:2a:00.0")
    assert card.uuid == "399282a8-ba01-1475-893c-2eeca9e302f5"
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (80 * GIB, 0, 0.0)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (27.0, 96.66, 950.0)
    assert card.driver_version == "3.3.5-server"


def test_the_recorded_table_is_read_where_the_tool_knows_no_json(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    NODE.plug(machine, bus_ids=[f"0000:{bus}:00.0" for bus in ["18", "3a", "4b", "5c", "9a", "ba", "ca", "da"]])
    table = NODE.sample("mthreads-gmi.txt")
    machine.script("mthreads-gmi", f'[ $# = 0 ] || exit 1\ncat <<"END"\n{table}END')
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    card = found.accelerators[5]
    assert (card.index, card.name, card.bus_id) == (5, "MTT S5000", "0000:ba:00.0")
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (80 * GIB, 0, 0.0)
    assert (card.temperature_celsius, card.power_watts, card.driver_version) == (50.0, None, "5.1.0-server")


def test_a_recorded_lie_of_the_tool_is_found(tmp_path: Path) -> None:
    """44302 of 32768 MiB in use: torch_musa's troubleshooting page shows it for a machine without an IOMMU."""
    machine = FakeMachine(tmp_path)
    NODE.plug(machine, bus_ids=["0000:08:00.0"])
    row = (
        "0    MTT S4000      |00000000:08:00.0    |88%   44302MiB(32768MiB)\n"
        "     Physical       |16x(16x)            |65C   YES\n"
    )
    machine.script("mthreads-gmi", f'[ $# = 0 ] || exit 1\ncat <<"END"\n{row}END')
    found = NODE.detect(machine)
    assert (found.accelerators[0].memory_used_bytes, found.accelerators[0].utilization) == (None, 0.88)
    assert messages(found)[-1].startswith("The memory use cannot be true: card 0 says")


@pytest.mark.parametrize("says", ["", "[]", "{}", '{"GPU": []}', '{"GPU": 3}', "not JSON"])
def test_a_tool_that_makes_no_sense_leaves_the_bus(machine: FakeMachine, says: str) -> None:
    machine.tool("mthreads-gmi", answers={"": says})
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators), len(found.problems)) == ("pci", 8, 3)
    assert {card.name for card in found.accelerators} == {"MTT S5000"}


@pytest.mark.parametrize("row", ["3", "[]", '{"Index": [], "PCI": 3, "Temperature": {"GPU Current Temp": {}}}'])
def test_rows_of_another_shape_are_cards_of_which_nothing_is_known(machine: FakeMachine, row: str) -> None:
    machine.tool("mthreads-gmi", answers={"": f'{{"GPU": [{row}]}}'})
    found = NODE.detect(machine)
    [card] = found.accelerators
    assert (card.index, card.name, card.memory_bytes, card.temperature_celsius) == (0, "unknown", 0, None)
