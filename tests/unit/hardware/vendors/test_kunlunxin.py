"""Kunlunxin: the gate beside Intel's tool of the same name, libxpuml behind its real ABI, `xpu-smi`, card groups."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Accelerator, Detected, HealthState, LinkKind
from appliance.hardware.vendors import kunlunxin_library
from appliance.hardware.vendors.kunlunxin import VENDOR
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.native_library import build_library
from tests.fixtures.replayed_nodes import KUNLUNXIN

SAMPLE = SAMPLES / "kunlunxin"
SOURCE = SAMPLE / "abi/xpuml.c"
ADDRESSES = KUNLUNXIN.bus_ids
FOURS = ((0, 1, 2, 3), (4, 5, 6, 7))
MIB = 1024**2


def node(root: Path) -> FakeMachine:
    machine = FakeMachine(root)
    KUNLUNXIN.plug(machine)
    return machine


def with_tool(machine: FakeMachine, *, name: str = "xpu-smi", cards: str | Path = SAMPLE / "q.txt") -> FakeMachine:
    machine.tool(name, answers={"-q": cards, "topo -m": SAMPLE / "topo.txt"})
    return machine


def by_library(root: Path, *defines: str) -> Detected:
    machine = with_tool(node(root))
    KUNLUNXIN.install(machine, *defines)
    return VENDOR.detect(machine.world())


def figures(card: Accelerator) -> tuple[object, ...]:
    return (card.utilization, card.temperature_celsius, card.power_watts, card.memory_bytes, card.memory_used_bytes)


def test_gate_does_not_take_intel_s_tool_for_its_own(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:0f:00.0", ids="8086:0bd5", device_class="038000")
    machine.tool("xpu-smi", answers={"": SAMPLE / "of-intel.txt"})
    assert not VENDOR.is_present(machine.world())


def test_gate_in_a_container_without_a_pci_bus(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.nodes("/dev/xpuctrl", "/dev/xpu0")
    assert VENDOR.is_present(machine.world())


def test_intel_s_tool_on_a_machine_with_both(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.tool("xpu-smi", answers={"": SAMPLE / "of-intel.txt"})
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("pci", 8)
    assert "is it Intel's" in found.problems[1].message


def test_structures_are_as_large_as_the_compiler_s(tmp_path: Path) -> None:
    library = ctypes.CDLL(str(build_library(SOURCE, tmp_path, "libxpuml.so")))
    library.abi_size.restype = ctypes.c_ulong
    ours = {
        name: ctypes.sizeof(kind)
        for name, kind in vars(kunlunxin_library).items()
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure)
    }
    assert ours == {name: library.abi_size(name.encode()) for name in ours}
    assert set(ours.values()) == {128}
    assert len(ours) == 4


def test_library_tells_everything_of_eight_cards(tmp_path: Path) -> None:
    found = by_library(tmp_path)
    assert (found.source, found.problems) == ("library", ())
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    assert [card.numa_node for card in found.accelerators] == [0] * 4 + [1] * 4
    card = found.accelerators[1]
    assert (card.name, card.architecture, card.driver_version) == ("P800 OAM", "KL3", "5.0.21.47")
    assert figures(card) == (0.25, 40, 95, 98304 * MIB, 1024 * MIB)
    assert card.uuid == "02K15K0263D0002N"
    assert card.health.state is HealthState.OK
    assert card.selectors.process == {"XPU_VISIBLE_DEVICES": "1"}
    assert card.selectors.device_nodes == ("/dev/xpu2", "/dev/xpuctrl")
    assert card.selectors.kubernetes == "kunlunxin.com/xpu"


def test_uuid_where_the_library_has_it(tmp_path: Path) -> None:
    card = by_library(tmp_path, "UUID").accelerators[1]
    assert card.uuid == "GPU-b3509946-0bc6-5744-bd7c-a0b87dadef02"


def test_groups_in_which_cards_work_together(tmp_path: Path) -> None:
    groups = by_library(tmp_path).card_groups
    assert groups[4] == FOURS
    assert groups[8] == (tuple(range(8)),)
    assert len(groups[2]) == 16
    assert (0, 4) in groups[2]
    assert (0, 5) not in groups[2]


def test_links_are_what_the_tool_prints(tmp_path: Path) -> None:
    cards = by_library(tmp_path).accelerators
    links = {link.peer_index: (link.kind, link.name) for link in cards[5].links}
    assert set(links) == {0, 1, 2, 3, 4, 6, 7}
    assert links[1] == links[7] == (LinkKind.FABRIC, "XL")
    assert links[0] == (LinkKind.SYS, None)


def test_links_are_unknown_without_the_tool(tmp_path: Path) -> None:
    machine = node(tmp_path)
    KUNLUNXIN.install(machine)
    found = VENDOR.detect(machine.world())
    assert found.source == "library"
    assert {card.links for card in found.accelerators} == {()}
    assert "links between the cards" in found.problems[0].message


def test_states_of_a_card(tmp_path: Path) -> None:
    health = [card.health for card in by_library(tmp_path, "SICK").accelerators]
    assert health[3].state is HealthState.FAILED
    assert health[3].reasons
    assert health[4].state is HealthState.WARNING
    assert health[7].state is HealthState.UNKNOWN
    assert health[0].state is HealthState.OK


def test_cards_that_are_cut_up(tmp_path: Path) -> None:
    assert {card.partitioning.mode for card in by_library(tmp_path, "SRIOV").accelerators} == {"SR-IOV"}


def test_symbol_that_is_missing_costs_its_figure_only(tmp_path: Path) -> None:
    found = by_library(tmp_path, "NO_POWER")
    assert figures(found.accelerators[0]) == (0.25, 41, None, 98304 * MIB, 1024 * MIB)
    assert [problem.message for problem in found.problems] == ["libxpuml.so has no xpumlDeviceGetPowerUsage."]


def test_library_that_lies(tmp_path: Path) -> None:
    found = by_library(tmp_path, "LYING")
    assert {figures(card) for card in found.accelerators} == {(None, None, None, 0, None)}
    assert any("card 7 says 255" in problem.message for problem in found.problems)


@pytest.mark.parametrize("define", ["INIT=9", "CROWD"])
def test_tool_answers_where_the_library_does_not(tmp_path: Path, define: str) -> None:
    found = by_library(tmp_path, define)
    assert (found.source, len(found.accelerators), len(found.problems)) == ("tool", 8, 1)


@pytest.mark.parametrize("name", ["xpu-smi", "xpu_smi"])
def test_tool_tells_of_eight_cards(tmp_path: Path, name: str) -> None:
    found = VENDOR.detect(with_tool(node(tmp_path), name=name).world())
    assert (found.source, found.card_groups[4]) == ("tool", FOURS)
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    card = found.accelerators[6]
    assert (card.name, card.architecture) == ("P800 OAM", "KL3")
    assert (card.driver_version, card.runtime_version) == ("5.0.21.47", "10.2")
    assert figures(card) == (0.25, 43, 93, 98304 * MIB, 1024 * MIB)
    assert card.power_limit_watts == 400
    assert card.uuid == "GPU-00000000-0000-0000-0000-000000000006"
    assert card.health.state is HealthState.OK
    assert card.selectors.device_nodes == ("/dev/xpu5", "/dev/xpuctrl")
    assert [link.peer_index for link in card.links if link.kind is LinkKind.FABRIC] == [2, 4, 5, 7]


def test_the_name_that_intel_does_not_use_is_preferred(tmp_path: Path) -> None:
    machine = with_tool(node(tmp_path), name="xpu_smi")
    machine.tool("xpu-smi", answers={"": SAMPLE / "of-intel.txt"})
    assert VENDOR.detect(machine.world()).source == "tool"


def test_other_boards_are_not_restricted(tmp_path: Path) -> None:
    text = (SAMPLE / "q.txt").read_text().replace("P800 OAM", "P800 PCIe")
    assert VENDOR.detect(with_tool(node(tmp_path), cards=text).world()).card_groups == {}


def test_memory_errors_are_a_warning(tmp_path: Path) -> None:
    text = (SAMPLE / "q.txt").read_text().replace("DRAM Uncorrectable            : 0", "DRAM Uncorrectable : 3", 1)
    health = [card.health for card in VENDOR.detect(with_tool(node(tmp_path), cards=text).world()).accelerators]
    assert (health[0].state, health[0].reasons) == (HealthState.WARNING, ("3 uncorrectable DRAM errors.",))
    assert health[1].state is HealthState.OK


def test_tool_that_lies(tmp_path: Path) -> None:
    text = (SAMPLE / "q.txt").read_text().replace("41 C", "-300 C").replace("25 %", "2500 %")
    text = text.replace("Used                              : 1024", "Used : 100000").replace("94.00 W", "94000 W")
    found = VENDOR.detect(with_tool(node(tmp_path), cards=text).world())
    assert figures(found.accelerators[0]) == (None, None, None, 98304 * MIB, None)
    assert found.accelerators[1].temperature_celsius == 40
    assert sum("card 0 says" in problem.message for problem in found.problems) == 4


def test_words_in_place_of_figures(tmp_path: Path) -> None:
    text = (SAMPLE / "q.txt").read_text().replace("41 C", "N/A").replace("98304 MiB", "N/A")
    found = VENDOR.detect(with_tool(node(tmp_path), cards=text).world())
    assert figures(found.accelerators[0]) == (0.25, None, 94, 0, None)


@pytest.mark.parametrize("nonsense", ["", "XPU\nXPU nothing\n: : :\n", "\x00\x01||"])
def test_bus_alone_where_the_tool_prints_nonsense(tmp_path: Path, nonsense: str) -> None:
    found = VENDOR.detect(with_tool(node(tmp_path), cards=nonsense).world())
    assert (found.source, len(found.problems)) == ("pci", 2)
    assert {card.name for card in found.accelerators} == {"P800"}


def test_bus_alone_where_the_tool_fails_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.3)
    failing, hanging = node(tmp_path / "failing"), node(tmp_path / "hanging")
    failing.failing_tool("xpu-smi", says="Failed to initialize XPUML: Driver Not Loaded")
    hanging.hanging_tool("xpu-smi")
    for machine, said in ((failing, "Driver Not Loaded"), (hanging, "said nothing")):
        found = VENDOR.detect(machine.world())
        assert (found.source, len(found.accelerators)) == ("pci", 8)
        assert said in found.problems[1].message
