"""`appliance hardware` on this machine and on replayed ones: the table, the picture, the document."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from appliance.hardware.inventory import Accelerator, Inventory, Link, LinkKind, Memory, NumaNode, Processor
from installer.cli import app
from installer.commands.hardware import cards, rendered
from installer.commands.hardware_topology import draw, ranges
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.replayed_nodes import METAX as NODE

runner = CliRunner()

KEPT: dict[str, object] = {
    "index": 0,
    "vendor": "nvidia",
    "family": "cuda",
    "name": "H100",
    "memory_bytes": None,
    "driver_version": None,
}


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    """Eight MetaX cards with their library, and two NUMA nodes."""
    made = FakeMachine(tmp_path)
    NODE.plug(made)
    NODE.install(made, "ILL=3")
    for index, cores in ((0, "0-31,64-95"), (1, "32-63,96-127")):
        made.file(f"sys/devices/system/node/node{index}/cpulist", f"{cores}\n")
        made.file(f"sys/devices/system/node/node{index}/meminfo", f"Node {index} MemTotal: 527433728 kB\n")
    return made


def shown(*arguments: str) -> str:
    outcome = runner.invoke(app, ["hardware", *arguments], env={"COLUMNS": "200"})
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_the_table_of_a_replayed_machine(machine: FakeMachine) -> None:
    lines = shown("--root", str(machine.root)).splitlines()
    row = next(line for line in lines if line.startswith("5 "))
    for part in ("metax", "maca", "MXC550", "ok", "64.0 GiB", "0.8 GiB", "42 %", "31 °C", "45 / 450 W", "2.5.014"):
        assert part in row
    assert any("failed Unavailable: VRAM training failed." in line for line in lines)


def test_the_document_of_a_replayed_machine_is_a_whole_inventory(machine: FakeMachine) -> None:
    [node] = json.loads(shown("--json", "--root", str(machine.root)))["nodes"]
    assert [card["family"] for card in node["accelerators"]] == ["cpu", *["maca"] * 8]
    assert {link["kind"] for link in node["accelerators"][1]["links"]} == {"fabric", "sys"}


def test_what_a_vendor_writes_is_never_taken_for_markup(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    NODE.plug(machine, bus_ids=["0000:01:00.0"])
    table = NODE.sample("mx-smi-2.2.4.txt").replace("MetaX C500", "X[/red]").replace("Available", "[/bold]  ")
    machine.tool("mx-smi", answers={"": table}, folder="opt/mxdriver/bin")
    output = shown("--root", str(machine.root))
    assert "X[/red]" in output
    assert "mx-smi calls it [/bold]." in output
    assert "X[/red]" in shown("--topology", "--root", str(machine.root))


def test_problems_are_said_with_their_hints(machine: FakeMachine) -> None:
    NODE.install(machine, "OLD")
    output = shown("--root", str(machine.root))
    assert "libmxsml.so has no mxSmlGetBoardPowerLimit" in output
    assert "update it" in output


def test_the_picture_of_a_replayed_machine(machine: FakeMachine) -> None:
    lines = shown("--topology", "--root", str(machine.root)).splitlines()
    assert "8 × MXC550 (maca)" in lines
    row = next(line for line in lines if line.startswith("5 "))
    assert row.split() == ["5", "SYS", "SYS", "SYS", "SYS", "MX", "·", "MX", "MX", "1"]
    assert any(line.split() == ["0", "0-31,64-95", "503.0", "GiB", "maca", "0-3"] for line in lines)


def test_a_machine_without_cards_has_a_picture_too() -> None:
    """This one, or any: the command itself must not fail."""
    assert "NUMA nodes" in shown("--topology")


def picture(inventory: Inventory) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as captured:
        console.print(draw(inventory))
    return captured.get()


def test_groups_unknown_links_and_cards_of_no_node_are_drawn() -> None:
    card = Accelerator(family="kunlun", vendor="kunlunxin", name="P800", index=0, memory_bytes=1)
    linked = replace(card, index=1, numa_node=0, links=(Link(peer_index=2, kind=LinkKind.PXB),))
    processor = Processor(
        name="x",
        architecture="x86_64",
        cores=2,
        physical_cores=2,
        flags=(),
        numa_nodes=(NumaNode(index=0, cores=(0, 1), memory_bytes=1024**3),),
    )
    inventory = Inventory(
        hostname="box",
        kernel="6",
        processor=processor,
        memory=Memory(total_bytes=1, available_bytes=1, limit_bytes=None),
        accelerators=(card, linked, replace(card, index=2)),
        card_groups={"kunlun": {4: ((0, 1, 2, 3), (4, 5, 6, 7))}},
    )
    lines = [line.split() for line in picture(inventory).splitlines()]
    assert ["1", "?", "·", "PXB", "0"] in lines
    assert ["4", "cards", "work", "together", "as", "{0-3}", "{4-7}"] in lines
    assert ["0", "0-1", "1.0", "GiB", "kunlun", "1"] in lines
    assert ["none", "kunlun", "0,2"] in lines


def test_what_the_control_plane_keeps_of_a_card_is_enough_for_a_row() -> None:
    row = cards({"accelerators": [{**KEPT, "healthy": False, "problem": "Xid 79."}]})
    assert row == [["0", "nvidia", "cuda", "H100", "[red]failed[/] Xid 79.", "", "", "", "", "", None]]


def test_a_card_that_is_gone_is_not_called_healthy() -> None:
    [row] = cards({"accelerators": [{**KEPT, "health": {"state": "ok", "reasons": []}, "present": False}]})
    assert row[4] == "[red]gone[/]"


def test_a_node_of_the_control_plane_shows_its_groups_and_problems() -> None:
    """Sizes are words there: they have been JSON."""
    facts = {
        "kernel": "6",
        "card_groups": {"kunlun": {"4": [[0, 1, 2, 3], [4, 5, 6, 7]]}},
        "problems": [{"vendor": "amd", "message": "It hangs.", "hint": "Restart it."}],
    }
    console = Console(width=200, force_terminal=False)
    with console.capture() as captured:
        console.print(rendered([{"hostname": "rack-1", "state": "draining", "facts": facts, "accelerators": [KEPT]}]))
    output = " ".join(captured.get().split())
    assert "rack-1 (draining)" in output
    assert "kunlun: 4 cards work together as {0-3} {4-7}" in output
    assert "Restart it." in output


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((3,), "3"), ((5, 0, 1, 2), "0-2,5")])
def test_ranges(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(numbers) == text
