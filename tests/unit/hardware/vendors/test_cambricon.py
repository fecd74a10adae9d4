"""Cambricon: the gate, libcndev behind its real ABI, the table of `cnmon`, and what is left when both fail."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Accelerator, Detected, HealthState, LinkKind
from appliance.hardware.vendors import cambricon_structures
from appliance.hardware.vendors.cambricon import VENDOR
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.native_library import build_library
from tests.fixtures.replayed_nodes import CAMBRICON

SAMPLE = SAMPLES / "cambricon"
SOURCE = SAMPLE / "abi/cndev.c"
ADDRESSES = CAMBRICON.bus_ids
MIB = 1024**2


def node(root: Path) -> FakeMachine:
    machine = FakeMachine(root)
    CAMBRICON.plug(machine)
    return machine


def by_library(root: Path, *defines: str) -> Detected:
    machine = node(root)
    CAMBRICON.install(machine, *defines)
    return VENDOR.detect(machine.world())


def by_tool(root: Path, table: str | Path) -> Detected:
    machine = node(root)
    machine.tool("cnmon", answers={"": table})
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
    bare.pci("0000:16:00.0", ids="10de:2330", device_class="030200")
    container.nodes("/dev/cambricon_ctl", "/dev/cambricon_dev0")
    assert not VENDOR.is_present(bare.world())
    assert VENDOR.is_present(container.world())
    assert VENDOR.is_present(node(tmp_path / "node").world())


def test_structures_are_as_large_as_the_compiler_s(tmp_path: Path) -> None:
    library = ctypes.CDLL(str(build_library(SOURCE, tmp_path, "libcndev.so")))
    library.abi_size.restype = ctypes.c_ulong
    ours = {
        name: ctypes.sizeof(kind)
        for name, kind in vars(cambricon_structures).items()
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure
    }
    assert len(ours) == 19
    assert ours == {name: library.abi_size(name.encode()) for name in ours}


def test_library_tells_everything_of_eight_cards(tmp_path: Path) -> None:
    found = by_library(tmp_path)
    assert (found.source, found.problems) == ("library", ())
    assert [card.index for card in found.accelerators] == list(range(8))
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    assert [card.numa_node for card in found.accelerators] == [0] * 4 + [1] * 4
    card = found.accelerators[3]
    assert (card.name, card.architecture, card.compute_capability) == ("MLU590-M9", "MLU590", "5.0")
    assert (card.driver_version, card.uuid) == ("6.2.29", "00000003-1914-0000-0000-000000000000")
    assert card.memory_bytes == 98304 * MIB
    assert figures(card) == (0.12, 38, 83, 550, 2048 * MIB)
    assert card.health.state is HealthState.OK
    assert card.partitioning.mode is None
    assert card.selectors.process == {"MLU_VISIBLE_DEVICES": "3"}
    assert card.selectors.container == {"CAMBRICON_VISIBLE_DEVICES": "3"}
    assert card.selectors.device_nodes == ("/dev/cambricon_dev3", "/dev/cambricon_ctl")


def test_ports_that_lead_to_the_same_card_are_one_link(tmp_path: Path) -> None:
    links = by_library(tmp_path).accelerators[6].links
    assert [(link.peer_index, link.kind, link.name, link.bytes_per_second) for link in links] == [
        (4, LinkKind.FABRIC, "MLU-Link x2", None),
        (7, LinkKind.FABRIC, "MLU-Link x3", 112_500_000_000),
    ]


def test_nodes_that_only_some_drivers_make(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.nodes("/dev/cambricon_ipcm1", "/dev/cambricon_gdr")
    CAMBRICON.install(machine)
    first, second, *_ = VENDOR.detect(machine.world()).accelerators
    assert first.selectors.device_nodes == ("/dev/cambricon_dev0", "/dev/cambricon_ctl", "/dev/cambricon_gdr")
    assert "/dev/cambricon_ipcm1" in second.selectors.device_nodes


def test_health_with_reasons(tmp_path: Path) -> None:
    found = by_library(tmp_path, "SICK")
    health = [card.health for card in found.accelerators]
    assert [one.state for one in health] == [
        HealthState.OK,
        HealthState.WARNING,
        HealthState.FAILED,
        HealthState.OK,
        HealthState.FAILED,
        HealthState.UNKNOWN,
        HealthState.WARNING,
        HealthState.OK,
    ]
    assert health[2].reasons == ("MLU-Link port 3 is down.", "Incident 17.")
    assert health[6].reasons == ("2 uncorrected ECC errors in DRAM.",)
    assert [problem.message for problem in found.problems] == ["libcndev.so: cndevGetCardHealthStateV2 answered 999."]


def test_older_library(tmp_path: Path) -> None:
    found = by_library(tmp_path, "OLD")
    assert found.problems == ()
    assert [card.health.state for card in found.accelerators].count(HealthState.OK) == 7
    assert found.accelerators[2].health.state is HealthState.FAILED


def test_card_cut_up_by_mim(tmp_path: Path) -> None:
    cut, whole, *_ = by_library(tmp_path, "MIM").accelerators
    assert cut.partitioning.mode == "MIM"
    assert [(one.name, one.uuid, one.memory_bytes // MIB) for one in cut.partitioning.partitions] == [
        ("2m.24gb", "00000000-0000-0000-0000-00000000000a", 24576),
        ("4m.48gb", "00000001-0000-0000-0000-00000000000a", 49152),
    ]
    assert [one.selectors.device_nodes[:3] for one in cut.partitioning.partitions] == [
        ("/dev/cambricon_dev0", "/dev/cambricon_ipcm0", "/dev/cambricon-caps/cap_dev0_mi1"),
        ("/dev/cambricon_dev0", "/dev/cambricon_ipcm0", "/dev/cambricon-caps/cap_dev0_mi3"),
    ]
    assert {len(one.selectors.process) for one in cut.partitioning.partitions} == {0}
    assert whole.partitioning.mode is None


def test_card_cut_up_by_smlu(tmp_path: Path) -> None:
    cut = by_library(tmp_path, "SMLU").accelerators[0].partitioning
    assert cut.mode == "sMLU"
    assert [(one.name, one.memory_bytes) for one in cut.partitions] == [("30.32gb", 32 * 1024**3)]
    assert "/dev/cambricon-caps/cap_dev0_mi1" in cut.partitions[0].selectors.device_nodes


def test_symbols_that_are_missing_cost_their_figures_only(tmp_path: Path) -> None:
    found = by_library(tmp_path, "NO_POWER", "NO_LINKS")
    assert figures(found.accelerators[0]) == (0.12, 35, None, None, 2048 * MIB)
    assert {card.links for card in found.accelerators} == {()}
    assert [problem.message for problem in found.problems] == [
        "libcndev.so has no cndevGetDevicePowerInfo, cndevGetMLULinkPortNumber."
    ]


def test_library_that_lies(tmp_path: Path) -> None:
    found = by_library(tmp_path, "LYING")
    assert {figures(card) for card in found.accelerators} == {(None, None, None, None, None)}
    assert {card.links for card in found.accelerators} == {()}
    assert found.accelerators[0].memory_bytes == 98304 * MIB
    assert any("card 3 says 100000" in problem.message for problem in found.problems)


@pytest.mark.parametrize("define", ["INIT=12", "CROWD"])
def test_tool_answers_where_the_library_does_not(tmp_path: Path, define: str) -> None:
    machine = node(tmp_path)
    CAMBRICON.install(machine, define)
    machine.tool("cnmon", answers={"": SAMPLE / "cnmon.txt"})
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators), len(found.problems)) == ("tool", 8, 1)


def test_tool_tells_of_eight_cards(tmp_path: Path) -> None:
    found = by_tool(tmp_path, SAMPLE / "cnmon.txt")
    assert (found.source, len(found.problems)) == ("tool", 1)
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    card = found.accelerators[5]
    assert (card.name, card.driver_version, card.memory_bytes) == ("MLU590-M9", "6.2.29", 98304 * MIB)
    assert figures(card) == (0.1, 40, 85, 550, 2048 * MIB)
    assert card.health.state is HealthState.UNKNOWN
    assert card.numa_node == 1


def test_published_table(tmp_path: Path) -> None:
    first, second = by_tool(tmp_path, SAMPLE / "cnmon-mlu370.txt").accelerators
    assert (first.name, first.bus_id, first.driver_version) == ("MLU370-X8", "0000:39:00.0", "5.10.13")
    assert figures(second) == (0.0, 39, 106, 250, 0)


def test_columns_of_an_older_driver(tmp_path: Path) -> None:
    text = (SAMPLE / "cnmon-mlu370.txt").read_text().replace("0000:39:00.0", "On  v4.20.11")
    first, second = by_tool(tmp_path, text).accelerators
    assert (first.bus_id, first.memory_bytes) == (None, 23374 * MIB)
    assert second.bus_id == "0000:3d:00.0"


def test_errors_that_the_table_counts(tmp_path: Path) -> None:
    text = (SAMPLE / "cnmon.txt").read_text().replace("| 4%                  0 |", "| 4%                  3 |")
    health = by_tool(tmp_path, text).accelerators[2].health
    assert (health.state, health.reasons) == (HealthState.WARNING, ("cnmon counts 3 ECC errors.",))


def test_tool_that_lies(tmp_path: Path) -> None:
    text = (SAMPLE / "cnmon.txt").read_text().replace("| 0%  ", "| 900%").replace("35C", "935C")
    text = text.replace("    80 W/ 550 W", "  9999 W/ -10 W").replace("2048 MiB", "99999 MiB")
    found = by_tool(tmp_path, text)
    assert figures(found.accelerators[0]) == (None, None, None, None, None)
    assert figures(found.accelerators[1]) == (0.02, 36, 81, 550, None)
    assert sum(problem.message.count("card 0 says") for problem in found.problems) == 5


def test_words_in_place_of_figures(tmp_path: Path) -> None:
    text = (SAMPLE / "cnmon.txt").read_text().replace("80 W/ 550 W", "N/A W/ N/A W").replace("35C", "N/A")
    found = by_tool(tmp_path, text)
    assert figures(found.accelerators[0]) == (0.0, None, None, None, 2048 * MIB)
    assert len(found.problems) == 1


@pytest.mark.parametrize("nonsense", ["", "| a | b | c |\n| 0 MLU | | |\n", "\x00\x01|||"])
def test_bus_alone_where_the_tool_prints_nonsense(tmp_path: Path, nonsense: str) -> None:
    found = by_tool(tmp_path, nonsense)
    assert (found.source, len(found.problems)) == ("pci", 2)
    assert {card.name for card in found.accelerators} == {"PCI device cabc:0590"}


def test_bus_alone_where_the_tool_fails_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.3)
    failing, hanging = node(tmp_path / "failing"), node(tmp_path / "hanging")
    failing.failing_tool("cnmon", says="CNDEV error: driver is not running")
    hanging.hanging_tool("cnmon")
    for machine, said in ((failing, "driver is not running"), (hanging, "said nothing")):
        found = VENDOR.detect(machine.world())
        assert (found.source, len(found.accelerators)) == ("pci", 8)
        assert said in found.problems[1].message
