"""MetaX: its library's ABI, SR-IOV, MetaXLink, its tool's recorded tables, and failures."""

from pathlib import Path

import pytest

from appliance.hardware.inventory import HealthState, LinkKind
from tests.fixtures.eight_cards import messages
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.replayed_nodes import METAX as NODE

TOOL_FOLDER = "opt/mxdriver/bin"
GIB = 1024**3


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    made = FakeMachine(tmp_path)
    NODE.plug(made)
    return made


def test_the_library_tells_all_of_every_card(machine: FakeMachine) -> None:
    NODE.install(machine)
    found = NODE.detect(machine)
    assert (found.source, found.problems, len(found.accelerators)) == ("library", (), 8)
    card = found.accelerators[5]
    assert (card.family, card.vendor, card.name) == ("maca", "metax", "MXC550")
    assert (card.bus_id, card.uuid) == ("0000:ba:00.0", "GPU-e702f06b-bbd6-bc06-5196-000000000005")
    assert (card.memory_bytes, card.memory_used_bytes) == (64 * GIB, 810 * 1024**2)
    assert (card.utilization, card.temperature_celsius) == (0.42, 31.25)
    assert (card.power_watts, card.power_limit_watts) == (45.0, 450.0)
    assert (card.driver_version, card.runtime_version) == ("2.5.014", "2.23.0.1018")
    assert card.health.state is HealthState.OK
    assert card.selectors.device_nodes == ("/dev/mxcd", "/dev/dri/card6", "/dev/dri/renderD133")
    assert card.selectors.kubernetes == "metax-tech.com/gpu"


def test_metaxlink_joins_each_group_of_four(machine: FakeMachine) -> None:
    NODE.install(machine)
    card = NODE.detect(machine).accelerators[5]
    assert [(link.peer_index, link.kind, link.name) for link in card.links] == [
        (peer, LinkKind.FABRIC, "MX") for peer in (4, 6, 7)
    ]


def test_a_physical_function_runs_nothing_its_virtual_functions_do(machine: FakeMachine) -> None:
    NODE.install(machine, "SRIOV")
    NODE.plug(machine, bus_ids=["0000:2a:00.1", "0000:2a:00.2"])
    found = NODE.detect(machine)
    assert found.problems == ()
    assert [card.index for card in found.accelerators] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [card.bus_id for card in found.accelerators][-2:] == ["0000:2a:00.1", "0000:2a:00.2"]


def test_a_card_that_is_unavailable_has_failed_and_says_why(machine: FakeMachine) -> None:
    NODE.install(machine, "ILL=3")
    cards = NODE.detect(machine).accelerators
    assert cards[3].health.state is HealthState.FAILED
    assert cards[3].health.reasons == ("Unavailable: VRAM training failed.",)
    assert cards[1].health.state is HealthState.WARNING
    assert cards[1].health.reasons == ("5 uncorrected ECC errors.",)


def test_an_old_library_lacks_figures_and_says_which(machine: FakeMachine) -> None:
    NODE.install(machine, "OLD")
    found = NODE.detect(machine)
    assert found.accelerators[0].power_watts == 45.0
    assert (found.accelerators[0].power_limit_watts, found.accelerators[0].health.state) == (None, HealthState.UNKNOWN)
    lacking = "mxSmlGetBoardPowerLimit, mxSmlGetDeviceUnavailableReason, mxSmlGetTotalEccErrors"
    assert messages(found) == [f"libmxsml.so has no {lacking}."]


def test_figures_that_cannot_be_are_left_out_and_said(machine: FakeMachine) -> None:
    NODE.install(machine, "LYING")
    found = NODE.detect(machine)
    assert (found.accelerators[0].memory_bytes, found.accelerators[0].utilization) == (0, None)
    size, busy, *_ = messages(found)
    assert size.startswith("The memory size cannot be true: card 0 says -1024,")
    assert busy.endswith("card 7 says -5.")


def test_the_recorded_table_of_eight_cards(machine: FakeMachine) -> None:
    answers = {"": NODE.sample("mx-smi-2.1.6.txt"), "-L": NODE.sample("mx-smi-L.txt")}
    machine.tool("mx-smi", answers=answers, folder=TOOL_FOLDER)
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    card = found.accelerators[7]
    assert (card.index, card.name, card.bus_id) == (7, "MXC550", "0000:da:00.0")
    assert (card.memory_bytes, card.memory_used_bytes, card.utilization) == (64 * GIB, 810 * 1024**2, 0.0)
    assert (card.temperature_celsius, card.power_watts, card.power_limit_watts) == (30.0, 47.0, None)
    assert (card.driver_version, card.runtime_version) == ("2.5.014", "2.23.0.1018")
    assert card.uuid == "GPU-e702f06b-bbd6-bc06-5196-000000000007"
    assert card.health.state is HealthState.UNKNOWN


@pytest.mark.parametrize(("word", "state"), [("Available", HealthState.OK), ("Hang", HealthState.FAILED)])
def test_a_newer_table_says_how_a_card_is(tmp_path: Path, word: str, state: HealthState) -> None:
    machine = FakeMachine(tmp_path)
    NODE.plug(machine, bus_ids=["0000:01:00.0"])
    table = NODE.sample("mx-smi-2.2.4.txt").replace("Available", word.ljust(9))
    machine.tool("mx-smi", answers={"": table, "-L": ""}, folder=TOOL_FOLDER)
    [card] = NODE.detect(machine).accelerators
    assert (card.name, card.power_watts, card.power_limit_watts) == ("MetaX C500", 48.0, 350.0)
    assert card.health.state is state


def test_a_tool_that_hangs_leaves_the_bus(machine: FakeMachine) -> None:
    machine.hanging_tool("mx-smi", folder=TOOL_FOLDER)
    found = NODE.detect(machine)
    assert (found.source, len(found.accelerators)) == ("pci", 8)
    assert {card.name for card in found.accelerators} == {"MetaX C500"}
    assert "said nothing" in messages(found)[-1]
