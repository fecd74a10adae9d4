"""Ascend: the gate, libdcmi behind its real ABI, `npu-smi`, and what is left when both fail."""

import ctypes
from pathlib import Path

import pytest

from appliance.hardware.inventory import Accelerator, Detected, HealthState, LinkKind
from appliance.hardware.vendors import ascend_structures
from appliance.hardware.vendors.ascend import VENDOR
from appliance.hardware.vendors.ascend_names import vnpu_selectors
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.native_library import build_library
from tests.fixtures.replayed_nodes import ASCEND

SAMPLE = SAMPLES / "ascend"
SOURCE = SAMPLE / "abi/dcmi.c"
ADDRESSES = ASCEND.bus_ids
NUMA_NODES = ASCEND.numa_nodes
MIB = 1024**2


def node(root: Path) -> FakeMachine:
    machine = FakeMachine(root)
    ASCEND.plug(machine)
    return machine


def by_library(root: Path, *defines: str) -> Detected:
    machine = node(root)
    ASCEND.install(machine, *defines)
    return VENDOR.detect(machine.world())


def by_tool(root: Path, **answers: str | Path) -> Detected:
    machine = node(root)
    machine.tool(
        "npu-smi",
        folder="usr/local/sbin",
        answers={
            "info": answers.get("info", SAMPLE / "info.txt"),
            "info -m": answers.get("mapping", SAMPLE / "info-m.txt"),
            "info -t topo": answers.get("topo", SAMPLE / "topo.txt"),
        },
    )
    return VENDOR.detect(machine.world())


def figures(card: Accelerator) -> tuple[object, ...]:
    return (card.utilization, card.temperature_celsius, card.power_watts, card.memory_used_bytes)


def test_gate_knows_the_accelerators_among_huawei_s_devices(tmp_path: Path) -> None:
    other = FakeMachine(tmp_path / "other")
    other.pci("0000:05:00.0", ids="19e5:1711", device_class="030000")
    other.pci("0000:7d:00.0", ids="19e5:a222", device_class="020000")
    assert not VENDOR.is_present(other.world())
    assert VENDOR.is_present(node(tmp_path / "node").world())


def test_gate_in_a_container_without_a_pci_bus(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.nodes("/dev/davinci_manager")
    assert VENDOR.is_present(machine.world())


def test_structures_are_as_large_as_the_compiler_s(tmp_path: Path) -> None:
    library = ctypes.CDLL(str(build_library(SOURCE, tmp_path, "libdcmi.so")))
    library.abi_size.restype = ctypes.c_ulong
    ours = {
        name: ctypes.sizeof(kind)
        for name, kind in vars(ascend_structures).items()
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure
    }
    assert len(ours) == 13
    assert ours == {name: library.abi_size(name.encode()) for name in ours}
    assert (ours["PciePlace"], ours["ChipIdentity"], ours["ChipIdentityV2"]) == (64, 100, 132)


def test_library_tells_everything_of_eight_cards(tmp_path: Path) -> None:
    found = by_library(tmp_path)
    assert (found.source, found.problems) == ("library", ())
    assert [card.index for card in found.accelerators] == list(range(8))
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    assert tuple(card.numa_node for card in found.accelerators) == NUMA_NODES
    assert len({card.uuid for card in found.accelerators}) == 8
    card = found.accelerators[1]
    assert (card.name, card.architecture, card.driver_version) == ("Ascend 910B3", "Ascend910B3", "24.1.rc1.b030")
    assert card.memory_bytes == 65536 * MIB
    assert figures(card) == (0.01, 39, 92.0, 3314 * MIB)
    assert card.health.state is HealthState.OK
    assert [link.peer_index for link in card.links] == [0, 2, 3, 4, 5, 6, 7]
    assert {(link.kind, link.name) for link in card.links} == {(LinkKind.FABRIC, "HCCS")}
    assert card.partitioning.mode is None
    assert card.selectors.kubernetes == "huawei.com/Ascend910"


def test_second_path_of_the_library(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.shared_library("usr/local/Ascend/driver/lib64/driver/libdcmi.so", source=SOURCE)
    assert VENDOR.detect(machine.world()).source == "library"


def test_files_and_containers_go_by_the_physical_id(tmp_path: Path) -> None:
    selectors = by_library(tmp_path, "PHYSICAL_FROM=8").accelerators[2].selectors
    assert selectors.process == {"ASCEND_RT_VISIBLE_DEVICES": "2"}
    assert selectors.container == {"ASCEND_VISIBLE_DEVICES": "10"}
    assert selectors.device_nodes == ("/dev/davinci10", "/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc")


def test_two_chips_on_a_card(tmp_path: Path) -> None:
    found = by_library(tmp_path, "TWO_DIES")
    assert [card.index for card in found.accelerators] == list(range(8))
    links = {link.peer_index: link.name for link in found.accelerators[4].links}
    assert links[5] == "SIO"
    assert links[6] == "HCCS"


def test_card_without_hbm(tmp_path: Path) -> None:
    card = by_library(tmp_path, "DDR").accelerators[0]
    assert (card.memory_bytes, card.memory_used_bytes) == (43693 * MIB, 3693 * MIB)
    assert card.selectors.kubernetes == "huawei.com/Ascend310P"


def test_symbols_of_older_drivers(tmp_path: Path) -> None:
    found = by_library(tmp_path, "OLD")
    assert [card.name for card in found.accelerators] == ["Ascend 910B3"] * 8
    assert found.problems == ()


def test_health_with_reasons(tmp_path: Path) -> None:
    health = [card.health for card in by_library(tmp_path, "SICK").accelerators]
    assert [one.state for one in health] == [
        HealthState.OK,
        HealthState.WARNING,
        HealthState.OK,
        HealthState.FAILED,
        HealthState.OK,
        HealthState.WARNING,
        HealthState.FAILED,
        HealthState.OK,
    ]
    assert health[3].reasons == ("Ascend fault code 80E01801.", "Ascend fault code 80C98009.")
    assert health[5].reasons == ("4 uncorrected ECC errors in HBM.",)
    assert health[6].reasons == ("The chip is missing or was not started.",)


def test_slices_where_they_may_be_asked_for(tmp_path: Path) -> None:
    found = by_library(tmp_path, "VNPU")
    cut, whole = found.accelerators[0].partitioning, found.accelerators[1].partitioning
    assert cut.mode == "vNPU"
    assert [(one.name, one.uuid, one.memory_bytes // MIB) for one in cut.partitions] == [
        ("vir05_1c_16g", "vdavinci100", 16384),
        ("vir10_3c_32g", "vdavinci101", 32768),
    ]
    chosen = cut.partitions[0].selectors
    assert (chosen.container, chosen.fixed) == (
        {"ASCEND_VISIBLE_DEVICES": "100"},
        {"ASCEND_RUNTIME_OPTIONS": "VIRTUAL"},
    )
    assert chosen.process == {}
    assert chosen.device_nodes[0] == "/dev/vdavinci100"
    assert [one.selectors.kubernetes for one in cut.partitions] == [
        "huawei.com/Ascend910-5c.1cpu.16g",
        "huawei.com/Ascend910-10c.3cpu.32g",
    ]
    assert whole.mode is None


def test_a_template_that_says_more_has_no_resource_name() -> None:
    """Their names are in MindCluster's table of virtualization templates."""
    named = [vnpu_selectors(100, generation="310P", template=one).kubernetes for one in ("vir02", "vir04_4c_dvpp")]
    assert named == ["huawei.com/Ascend310P-2c", None]


def test_symbol_that_is_missing_costs_its_figure_only(tmp_path: Path) -> None:
    found = by_library(tmp_path, "NO_POWER")
    assert [card.power_watts for card in found.accelerators] == [None] * 8
    assert found.accelerators[0].temperature_celsius == 43
    assert [problem.message for problem in found.problems] == ["libdcmi.so has no dcmi_get_device_power_info."]


def test_library_that_lies(tmp_path: Path) -> None:
    found = by_library(tmp_path, "LYING")
    assert {figures(card) for card in found.accelerators} == {(None, None, None, None)}
    assert {card.links for card in found.accelerators} == {()}
    assert found.accelerators[0].memory_bytes == 65536 * MIB
    assert len(found.problems) == 4
    assert any("card 3 says 32767" in problem.message for problem in found.problems)


@pytest.mark.parametrize("define", ["INIT=-8005", "CROWD"])
def test_tool_answers_where_the_library_does_not(tmp_path: Path, define: str) -> None:
    machine = node(tmp_path)
    ASCEND.install(machine, define)
    machine.tool("npu-smi", answers={"info": SAMPLE / "info.txt"})
    found = VENDOR.detect(machine.world())
    assert (found.source, len(found.accelerators)) == ("tool", 8)
    assert found.problems[0].message.startswith("libdcmi: ")


def test_tool_tells_of_eight_cards(tmp_path: Path) -> None:
    found = by_tool(tmp_path)
    assert (found.source, len(found.problems)) == ("tool", 1)
    assert tuple(card.bus_id for card in found.accelerators) == ADDRESSES
    assert tuple(card.numa_node for card in found.accelerators) == NUMA_NODES
    card = found.accelerators[6]
    assert (card.name, card.memory_bytes) == ("Ascend 910B3", 65536 * MIB)
    assert figures(card) == (0.0, 45, 103.8, 3314 * MIB)
    assert card.health.state is HealthState.OK
    assert [(link.peer_index, link.name) for link in card.links] == [(peer, "HCCS") for peer in (0, 1, 2, 3, 4, 5, 7)]
    assert card.selectors.device_nodes[0] == "/dev/davinci6"


def test_tool_of_cards_with_two_chips(tmp_path: Path) -> None:
    found = by_tool(tmp_path, info=SAMPLE / "info-two-dies.txt", mapping=SAMPLE / "info-m-two-dies.txt")
    assert [card.index for card in found.accelerators] == list(range(8))
    assert [card.power_watts for card in found.accelerators] == [168.9, None] * 4
    assert found.accelerators[3].selectors.container == {"ASCEND_VISIBLE_DEVICES": "11"}


def test_tool_s_word_on_health(tmp_path: Path) -> None:
    text = (SAMPLE / "info.txt").read_text().replace("| OK            | 99.8 ", "| Alarm         | 99.8 ")
    health = [card.health for card in by_tool(tmp_path, info=text).accelerators]
    assert [one.state for one in health].count(HealthState.OK) == 7
    assert (health[3].state, health[3].reasons) == (HealthState.FAILED, ("npu-smi says Alarm.",))


def test_physical_ids_that_cannot_be_known_select_nothing(tmp_path: Path) -> None:
    machine = node(tmp_path)
    machine.nodes("/dev/davinci8")
    machine.tool("npu-smi", answers={"info": SAMPLE / "info.txt"})
    found = VENDOR.detect(machine.world())
    assert {tuple(card.selectors.container.items()) for card in found.accelerators} == {()}
    assert {card.selectors.device_nodes[0] for card in found.accelerators} == {"/dev/davinci_manager"}


def test_tool_that_lies(tmp_path: Path) -> None:
    text = (SAMPLE / "info.txt").read_text().replace("101.8       43 ", "-7          999")
    text = text.replace("0           0    / 0          3318 / 65536", "250         0    / 0         99999 / 65536")
    found = by_tool(tmp_path, info=text)
    assert figures(found.accelerators[0]) == (None, None, None, None)
    assert figures(found.accelerators[1])[1] == 39
    assert sum("card 0 says" in problem.message for problem in found.problems) == 4


@pytest.mark.parametrize("nonsense", ["", "no table\n| a | b | c |\n| | 0000:c1:00.0 | |\n", "\x00\xff|||||\n"])
def test_bus_alone_where_the_tool_prints_nonsense(tmp_path: Path, nonsense: str) -> None:
    found = by_tool(tmp_path, info=nonsense, mapping=nonsense, topo=nonsense)
    assert (found.source, len(found.accelerators), len(found.problems)) == ("pci", 8, 2)
    assert {card.name for card in found.accelerators} == {"Ascend 910B"}


def test_bus_alone_where_the_tool_fails_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.3)
    failing, hanging = node(tmp_path / "failing"), node(tmp_path / "hanging")
    failing.failing_tool("npu-smi", says="dcmi module initialize failed. ret is -8005")
    hanging.hanging_tool("npu-smi")
    for machine, said in ((failing, "-8005"), (hanging, "said nothing")):
        found = VENDOR.detect(machine.world())
        assert (found.source, len(found.accelerators)) == ("pci", 8)
        assert said in found.problems[1].message
