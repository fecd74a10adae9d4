"""Enflame: the gate, libefml behind its real ABI, `efsmi`, and what is left when both fail."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Accelerator, Detected, HealthState, LinkKind
from appliance.hardware.vendors import enflame_structures
from appliance.hardware.vendors.enflame import VENDOR
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.native_library import build_library
from tests.fixtures.replayed_nodes import ENFLAME

SAMPLE = SAMPLES / "enflame"
SOURCE = SAMPLE / "abi/efml.c"
ADDRESSES = ENFLAME.bus_ids
MIB = 1024**2


def node(root: Path) -> FakeMachine:
    machine = FakeMachine(root)
    ENFLAME.plug(machine)
    return machine


def by_library(root: Path, *defines: str) -> Detected:
    machine = node(root)
    ENFLAME.install(machine, *defines)
    return VENDOR.detect(machine.world())


def by_tool(root: Path, *, cards: str | Path = SAMPLE / "q.txt", slices: str | Path = SAMPLE / "list.txt") -> Detected:
    machine = node(root)
    machine.tool("efsmi", answers={"-q": cards, "-L": slices})
    return VENDOR.detect(machine.world())


def figures(card: Accelerator) -> tuple[object, ...]:
    return (
        card.utilization,
        card.temperature_celsius,
        card.power_watts,
        card.power_limit_watts,
        card.memory_used_bytes,
    )


def test_gate(tmp_path: Path) -> None:
    bare, container = FakeMachine(tmp_path / "bare"), FakeMachine(tmp_path / "container")
    bare.pci("0000:16:00.0", ids="cabc:0590", device_class="120000")
    container.nodes("/dev/gcuctl", "/dev/gcu0")
    assert not VENDOR.is_present(bare.world())
    assert VENDOR.is_present(container.world())
    assert VENDOR.is_present(node(tmp_path / "node").world())


def test_structures_are_as_large_as_the_compiler_s(tmp_path: Path) -> None:
    library = ctypes.CDLL(str(build_library(SOURCE, tmp_path, "libefml.so")))
    library.abi_size.restype = ctypes.c_ulong
    ours = {
        name: ctypes.sizeof(kind)
        for name, kind in vars(enflame_structures).items()
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure)
    }
    assert ours == {name: library.abi_size(name.encode()) for name in ours}
    assert ours == {
        "DeviceFacts": 156,
        "Power": 8,
        "MemoryInUse": 16,
        "Temperatures": 12,
        "EccStatus": 12,
        "RmaStatus": 2,
        "PortFacts": 104,
    }


def test_library_tells_everything_of_eight_cards(tmp_path: Path) -> None:
    found = by_library(tmp_path)
    assert (found.source, found.problems) == ("library", ())
    assert [card.index for card in found.accelerators] == list(range(8))
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    assert [card.numa_node for card in found.accelerators] == [0] * 4 + [1] * 4
    card = found.accelerators[3]
    assert (card.name, card.architecture, card.driver_version) == ("Enflame S60", "GCU300", "1.4.3.4")
    assert (card.uuid, card.memory_bytes) == ("TR6Y46010303", 42976 * MIB)
    assert figures(card) == (0.125, 38, 97.5, 300, 512 * MIB)
    assert card.health.state is HealthState.OK
    assert card.partitioning.mode is None
    assert [(link.peer_index, link.kind, link.name) for link in card.links] == [
        (1, LinkKind.FABRIC, "GCU-LARE x1"),
        (2, LinkKind.FABRIC, "GCU-LARE x2"),
    ]


def test_files_and_containers_go_by_the_minor_number(tmp_path: Path) -> None:
    selectors = by_library(tmp_path).accelerators[2].selectors
    assert selectors.process == {"TOPS_VISIBLE_DEVICES": "2"}
    assert selectors.container == {"ENFLAME_VISIBLE_DEVICES": "5"}
    assert selectors.device_nodes == ("/dev/gcu5", "/dev/gcuctl")
    assert selectors.kubernetes == "enflame.com/gcu"


def test_index_stands_in_for_a_minor_number_that_is_not_there(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci(ADDRESSES[0], ids="1e36:c035", device_class="120000")
    ENFLAME.install(machine)
    assert VENDOR.detect(machine.world()).accelerators[4].selectors.device_nodes == ("/dev/gcu4",)


def test_older_library(tmp_path: Path) -> None:
    found = by_library(tmp_path, "OLD")
    assert found.problems == ()
    card = found.accelerators[0]
    assert (card.architecture, card.temperature_celsius) == (None, 35)
    assert [link.name for link in card.links] == ["ESL x2", "ESL x1"]


def test_older_chip_behind_a_newer_library(tmp_path: Path) -> None:
    found = by_library(tmp_path, "BOTH")
    assert [card.temperature_celsius for card in found.accelerators] == [35, 36, 37, 38, 39, 40, 41, 42]
    assert found.problems == ()


def test_health_with_reasons(tmp_path: Path) -> None:
    found = by_library(tmp_path, "SICK")
    health = [card.health for card in found.accelerators]
    assert [one.state for one in health] == [
        HealthState.OK,
        HealthState.OK,
        HealthState.FAILED,
        HealthState.WARNING,
        HealthState.WARNING,
        HealthState.UNKNOWN,
        HealthState.OK,
        HealthState.OK,
    ]
    assert health[3].reasons == ("7 uncorrected (double-bit) memory errors.",)
    assert health[4].reasons == ("The card asks to be returned (RMA).",)
    assert [problem.message for problem in found.problems] == ["libefml.so: EfmlGetDevHealth answered 999."]


def test_card_cut_up_by_vgcu(tmp_path: Path) -> None:
    cut, whole, *_ = by_library(tmp_path, "VGCU").accelerators
    assert cut.partitioning.mode == "vGCU"
    assert [one.memory_bytes // MIB for one in cut.partitioning.partitions] == [10240, 20480]
    assert whole.partitioning.mode is None


def test_card_cut_up_by_sriov(tmp_path: Path) -> None:
    found = by_library(tmp_path, "SRIOV")
    assert found.accelerators[0].partitioning.mode == "SR-IOV"
    assert found.problems == ()


def test_symbol_that_is_missing_costs_its_figures_only(tmp_path: Path) -> None:
    found = by_library(tmp_path, "NO_POWER")
    assert figures(found.accelerators[0]) == (0.125, 35, None, None, 512 * MIB)
    assert [problem.message for problem in found.problems] == ["libefml.so has no EfmlGetDevPwr."]


def test_library_that_lies(tmp_path: Path) -> None:
    found = by_library(tmp_path, "LYING")
    assert {figures(card) for card in found.accelerators} == {(None, None, None, None, None)}
    assert {card.links for card in found.accelerators} == {()}
    assert found.accelerators[0].memory_bytes == 42976 * MIB
    assert any(
        "utilization cannot be true: card 0 says nan, card 1 says nan" in problem.message for problem in found.problems
    )


@pytest.mark.parametrize("define", ["INIT=9", "CROWD"])
def test_tool_answers_where_the_library_does_not(tmp_path: Path, define: str) -> None:
    machine = node(tmp_path)
    ENFLAME.install(machine, define)
    machine.tool("efsmi", answers={"-q": SAMPLE / "q.txt", "-L": SAMPLE / "list.txt"})
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators), len(found.problems)) == ("tool", 8, 1)


def test_tool_tells_of_eight_cards(tmp_path: Path) -> None:
    found = by_tool(tmp_path)
    assert (found.source, len(found.problems)) == ("tool", 1)
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    card = found.accelerators[5]
    assert (card.name, card.driver_version, card.uuid) == ("Enflame S60", "1.4.3.4", "TR6Y46010305")
    assert card.memory_bytes == 42976 * MIB
    assert figures(card) == (0.125, 40, 101, 300, 512 * MIB)
    assert (card.health.state, card.numa_node) == (HealthState.OK, 1)
    assert card.partitioning.mode is None
    assert card.selectors.device_nodes == ("/dev/gcu2", "/dev/gcuctl")


def test_fields_of_an_older_driver(tmp_path: Path) -> None:
    first, second = by_tool(tmp_path, cards=SAMPLE / "q-1.2.txt").accelerators
    assert (first.memory_bytes, first.memory_used_bytes, first.driver_version) == (42976 * MIB, 512 * MIB, "1.2.4.12")
    assert second.health.state is HealthState.OK


def test_slices_that_the_tool_lists(tmp_path: Path) -> None:
    cards = by_tool(tmp_path, slices=SAMPLE / "list-drs.txt").accelerators
    assert [card.partitioning.mode for card in cards] == ["DRS", None, None, "DRS", None, None, None, None]
    assert [(one.name, one.uuid, one.memory_bytes // 1024**3) for one in cards[0].partitioning.partitions] == [
        ("1g.11gb", "TR6Y4601030001", 11),
        ("2g.22gb", "TR6Y4601030002", 22),
    ]
    chosen = cards[3].partitioning.partitions[0].selectors
    assert chosen.process == {"TOPS_VISIBLE_DEVICES": "DRS-TR6Y4601033001"}
    assert chosen.container == cards[3].selectors.container == {"ENFLAME_VISIBLE_DEVICES": "4"}
    assert chosen.device_nodes == cards[3].selectors.device_nodes


def test_tool_without_a_list_of_slices(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.tool("efsmi", answers={"-q": SAMPLE / "q.txt"})
    found = VENDOR.detect(machine.world())
    assert len(found.accelerators) == 8
    assert "Whether the cards are cut up is not known" in found.problems[1].message


@pytest.mark.parametrize(
    ("said", "instead", "state"),
    [
        ("Health                      : True", "Health : False", HealthState.FAILED),
        ("Flags                       : False", "Flags : True", HealthState.WARNING),
        ("Total DBE                   : 0", "Total DBE : 2", HealthState.WARNING),
    ],
)
def test_health_as_the_tool_tells_it(tmp_path: Path, said: str, instead: str, state: HealthState) -> None:
    text = (SAMPLE / "q.txt").read_text().replace(said, instead, 1)
    first, second, *_ = by_tool(tmp_path, cards=text).accelerators
    assert (first.health.state, len(first.health.reasons)) == (state, 1)
    assert second.health.state is HealthState.OK


def test_tool_that_lies(tmp_path: Path) -> None:
    text = (SAMPLE / "q.txt").read_text().replace(": 35 ", ": 3500 ").replace(": 96 W", ": -96 W")
    text = text.replace("12.5 %", "125 %").replace("300 W", "30000 W").replace(": 512 MiB", ": 51200000 MiB")
    found = by_tool(tmp_path, cards=text)
    assert figures(found.accelerators[0]) == (None, None, None, None, None)
    assert found.accelerators[1].temperature_celsius == 36
    assert sum("card 0 says" in problem.message for problem in found.problems) == 5


def test_words_in_place_of_figures(tmp_path: Path) -> None:
    text = (SAMPLE / "q.txt").read_text().replace("12.5 %", "N/A").replace("42976 MiB", "N/A").replace(": 17", ": ??")
    card = by_tool(tmp_path, cards=text).accelerators[0]
    assert (card.utilization, card.memory_bytes, card.memory_used_bytes, card.bus_id) == (None, 0, None, None)


@pytest.mark.parametrize("nonsense", ["", "DEV ID\nDEV ID x\n:::\n", "\x00\x01||"])
def test_bus_alone_where_the_tool_prints_nonsense(tmp_path: Path, nonsense: str) -> None:
    found = by_tool(tmp_path, cards=nonsense, slices=nonsense)
    assert (found.source, len(found.problems)) == ("pci", 2)
    assert {card.name for card in found.accelerators} == {"Enflame S60"}


def test_bus_alone_where_the_tool_fails_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.3)
    failing, hanging = node(tmp_path / "failing"), node(tmp_path / "hanging")
    failing.failing_tool("efsmi", says="Failed to load libefml.so")
    hanging.hanging_tool("efsmi")
    for machine, said in ((failing, "Failed to load"), (hanging, "said nothing")):
        found = VENDOR.detect(machine.world())
        assert (found.source, len(found.accelerators)) == ("pci", 8)
        assert said in found.problems[1].message
