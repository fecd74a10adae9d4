"""How near two cards are, read off trees of bridges as the kernel shows them."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.hardware.inventory import Accelerator, Link, LinkKind
from appliance.hardware.pci import read_pci
from appliance.hardware.topology import with_links
from tests.fixtures.hardware_world import FakeMachine

UP, PORTS = "0000:01:00.0", [f"0000:02:{port:02x}.0" for port in range(4)]
"""A switch: its upstream port, and a downstream port for each device or further switch."""


def cards(machine: FakeMachine) -> list[Accelerator]:
    """One for each device on the bus, in the order of their addresses."""
    return [
        Accelerator(family="cuda", vendor="nvidia", name="X", index=index, bus_id=device.bus_id, memory_bytes=1)
        for index, device in enumerate(read_pci(machine.root))
    ]


def kinds(machine: FakeMachine) -> dict[tuple[int, int], LinkKind]:
    linked = with_links(cards(machine), root=machine.root)
    return {(card.index, link.peer_index): link.kind for card in linked for link in card.links}


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def plug(machine: FakeMachine, bus_id: str, *behind: str, bridge: str = "pci0000:00", numa_node: int = 0) -> None:
    """A device below its host bridge and the ports of `behind`, from the root inwards."""
    real = "/".join(["sys/devices", bridge, *behind, bus_id])
    for name, text in (("vendor", "0x10de"), ("device", "0x2330"), ("class", "0x030200"), ("numa_node", numa_node)):
        machine.file(f"{real}/{name}", f"{text}\n")
    bus = machine.root / "sys/bus/pci/devices"
    bus.mkdir(parents=True, exist_ok=True)
    (bus / bus_id).symlink_to(machine.root / real)


def test_behind_one_switch_it_is_pix(machine: FakeMachine) -> None:
    plug(machine, "0000:03:00.0", "0000:00:01.0", UP, PORTS[0])
    plug(machine, "0000:04:00.0", "0000:00:01.0", UP, PORTS[1])
    assert kinds(machine) == {(0, 1): LinkKind.PIX, (1, 0): LinkKind.PIX}


def test_two_chips_of_one_board_are_pix(machine: FakeMachine) -> None:
    """Two functions, or two devices on the bus below one bridge."""
    plug(machine, "0000:03:00.0", "0000:00:01.0")
    plug(machine, "0000:03:01.0", "0000:00:01.0")
    assert set(kinds(machine).values()) == {LinkKind.PIX}


def test_behind_a_switch_below_a_switch_it_is_pxb(machine: FakeMachine) -> None:
    plug(machine, "0000:05:00.0", "0000:00:01.0", UP, PORTS[0])
    plug(machine, "0000:08:00.0", "0000:00:01.0", UP, PORTS[1], "0000:06:00.0", "0000:07:00.0")
    assert set(kinds(machine).values()) == {LinkKind.PXB}


def test_two_root_ports_of_one_host_bridge_are_phb(machine: FakeMachine) -> None:
    plug(machine, "0000:03:00.0", "0000:00:01.0")
    plug(machine, "0000:04:00.0", "0000:00:02.0")
    assert set(kinds(machine).values()) == {LinkKind.PHB}


def test_devices_on_the_root_bus_itself_are_phb(machine: FakeMachine) -> None:
    """As in a virtual machine."""
    plug(machine, "0000:00:05.0")
    plug(machine, "0000:00:06.0")
    assert set(kinds(machine).values()) == {LinkKind.PHB}


def test_two_host_bridges_are_node_or_sys(machine: FakeMachine) -> None:
    plug(machine, "0001:17:00.0", bridge="pci0001:00", numa_node=0)
    plug(machine, "0002:2a:00.0", bridge="pci0002:00", numa_node=0)
    plug(machine, "0003:3d:00.0", bridge="pci0003:00", numa_node=1)
    found = kinds(machine)
    assert found[0, 1] is found[1, 0] is LinkKind.NODE
    assert found[0, 2] is found[2, 1] is LinkKind.SYS


def test_without_numa_all_host_bridges_are_one_node(machine: FakeMachine) -> None:
    plug(machine, "0001:17:00.0", bridge="pci0001:00", numa_node=-1)
    plug(machine, "0002:2a:00.0", bridge="pci0002:00", numa_node=-1)
    assert set(kinds(machine).values()) == {LinkKind.NODE}


def test_the_vendors_own_link_wins_and_the_numa_node_is_filled_in(machine: FakeMachine) -> None:
    plug(machine, "0001:17:00.0", bridge="pci0001:00", numa_node=1)
    plug(machine, "0002:2a:00.0", bridge="pci0002:00", numa_node=1)
    plug(machine, "0003:3d:00.0", bridge="pci0003:00", numa_node=1)
    fabric = Link(peer_index=2, kind=LinkKind.FABRIC, name="NV18")
    first, *others = cards(machine)
    linked = with_links([replace(first, links=(fabric,)), *others], root=machine.root)
    assert linked[0].links == (Link(peer_index=1, kind=LinkKind.NODE), fabric)
    assert [card.numa_node for card in linked] == [1, 1, 1]


def test_a_card_whose_place_is_unknown_has_no_links(machine: FakeMachine) -> None:
    plug(machine, "0001:17:00.0", bridge="pci0001:00")
    [known] = cards(machine)
    others = [replace(known, index=1, bus_id=bus_id) for bus_id in (None, "0009:01:00.0")]
    for other in others:
        assert [card.links for card in with_links([known, other], root=machine.root)] == [(), ()]
