"""Vendors' modules in processes apart: whatever one does, the others are reported and two seconds are all it costs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.base.clock import monotonic
from appliance.hardware.discovery import discover
from appliance.hardware.inventory import Accelerator, Detected, HealthState, Inventory
from appliance.hardware.vendors.registry import Entry, package_folder
from appliance.hardware.watcher import VENDOR_SECONDS, Watcher
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.waiting import wait_until

FIXTURES = "tests.fixtures.hardware_vendors"
SOUND = Entry("sound", "sound", ("aaa1",), module=f"{FIXTURES}.sound")
TROUBLED = Entry("troubled", "troubled", ("bad1",), module=f"{FIXTURES}.troubled")
BOTH = (TROUBLED, SOUND)
GENEROUS_SECONDS = VENDOR_SECONDS * 4


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    """Two sound cards and one of the vendor whose library is ill as soon as `etc/trouble` says how."""
    made = FakeMachine(tmp_path)
    made.pci("0000:17:00.0", ids="aaa1:0001", device_class="120000")
    made.pci("0000:18:00.0", ids="aaa1:0001", device_class="120000")
    made.pci("0000:19:00.0", ids="aaa1:0009", device_class="020000")
    made.pci("0000:20:00.0", ids="bad1:0001", device_class="120000", numa_node=1)
    return made


@pytest.fixture
def watcher(machine: FakeMachine) -> Iterator[Watcher]:
    with Watcher(machine.root, registry=BOTH) as made:
        yield made


def cards_of(inventory: Inventory, family: str) -> list[Accelerator]:
    return [card for card in inventory.accelerators if card.family == family]


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def children() -> set[int]:
    """Processes that this one started and that still run."""
    pids = {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}
    return {pid for pid in pids if is_running(pid)}


def test_all_vendors_that_are_present_are_reported(machine: FakeMachine) -> None:
    before = children()
    inventory = discover(machine.root, registry=BOTH)
    assert [card.family for card in inventory.accelerators] == ["cpu", "troubled", "sound", "sound", "sound"]
    assert inventory.card_groups == {"sound": {2: ((0, 1),)}}
    assert inventory.problems == ()
    assert children() <= before


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("hang", "did not answer within 2 s"),
        ("hang_with_a_tool", "did not answer within 2 s"),
        ("crash", "crashed the process (SIGSEGV)"),
        ("end", "ended with 3"),
        ("garble", "no answer"),
        ("close_all", "closed the pipe"),
        ("fail", "No such thing."),
    ],
)
def test_a_vendor_that_fails_is_a_problem_and_its_cards_come_from_the_bus(
    machine: FakeMachine, trouble: str, said: str
) -> None:
    machine.file("etc/trouble", trouble)
    began = monotonic()
    inventory = discover(machine.root, registry=BOTH)
    assert monotonic() - began < GENEROUS_SECONDS
    assert [card.uuid for card in cards_of(inventory, "sound")] == ["S-0", "S-1", "S-2"]
    [problem] = inventory.problems
    assert problem.vendor == "troubled"
    assert said in problem.message
    [card] = cards_of(inventory, "troubled")
    assert (card.bus_id, card.numa_node, card.uuid) == ("0000:20:00.0", 1, None)
    assert card.health.state is HealthState.UNKNOWN


@pytest.mark.parametrize("manner", ["chatter", "take_a_second"])
def test_chatter_and_slowness_are_no_problem(machine: FakeMachine, manner: str) -> None:
    machine.file("etc/trouble", manner)
    inventory = discover(machine.root, registry=BOTH)
    assert inventory.problems == ()
    assert [card.uuid for card in cards_of(inventory, "troubled")] == ["T-0"]


def test_a_tool_that_hangs_ends_with_its_vendors_process(machine: FakeMachine) -> None:
    machine.file("etc/trouble", "hang_with_a_tool")
    discover(machine.root, registry=BOTH)
    tool = int((machine.root / "tool.pid").read_text())
    wait_until(lambda: not is_running(tool), what=f"the tool {tool} is still there")
    assert not is_running(tool)


def test_a_module_that_cannot_be_loaded_is_a_problem(machine: FakeMachine) -> None:
    inventory = discover(machine.root, registry=(Entry("gone", "gone", ("bad1",), module=f"{FIXTURES}.gone"), SOUND))
    [problem] = inventory.problems
    assert "cannot be loaded" in problem.message
    assert len(cards_of(inventory, "gone")) == 1


def test_without_the_vendors_cards_nobody_is_asked(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.pci("0000:19:00.0", ids="aaa1:0009", device_class="020000")
    assert [card.family for card in discover(machine.root, registry=BOTH).accelerators] == ["cpu"]


def used(answers: tuple[Detected, ...]) -> int | None:
    return answers[-1].accelerators[0].memory_used_bytes


def test_a_watchers_processes_stay(watcher: Watcher) -> None:
    first = watcher.look()
    running = children()
    assert [used(first), used(watcher.look()), used(watcher.look())] == [1, 2, 3]
    assert children() == running


def test_a_watcher_replaces_a_process_that_hung_and_keeps_the_cards_names(
    machine: FakeMachine, watcher: Watcher
) -> None:
    watcher.look()
    machine.file("etc/trouble", "hang")
    ill, sound = watcher.look()
    assert "did not answer" in ill.problems[0].message
    [card] = ill.accelerators
    assert (card.uuid, card.memory_used_bytes, card.health.state) == ("T-0", None, HealthState.UNKNOWN)
    assert sound.accelerators[0].memory_used_bytes == 2
    machine.file("etc/trouble", "")
    well, sound = watcher.look()
    assert (well.problems, well.accelerators[0].memory_used_bytes) == ((), 1)
    assert sound.accelerators[0].memory_used_bytes == 3


def test_a_watcher_replaces_a_process_that_died_between_two_looks(watcher: Watcher) -> None:
    before = children()
    watcher.look()
    started = children() - before
    assert len(started) == len(BOTH)
    for pid in started:
        os.kill(pid, 9)
    wait_until(lambda: not any(is_running(pid) for pid in started), what="they do not die")
    assert [answer.problems for answer in watcher.look()] == [(), ()]
    assert used(watcher.look()) == 2
    assert not children() & started


def test_a_card_that_is_taken_out_is_gone(machine: FakeMachine, watcher: Watcher) -> None:
    watcher.look()
    (machine.root / "sys/bus/pci/devices/0000:20:00.0").unlink()
    assert [answer.accelerators[0].family for answer in watcher.look()] == ["sound"]


@pytest.mark.parametrize("trouble", ["", "hang"])
def test_processes_end_with_a_parent_that_is_killed(machine: FakeMachine, trouble: str) -> None:
    program = f"""
import sys
from pathlib import Path
from appliance.hardware.vendor_process import VendorProcess
from appliance.hardware.vendors.registry import Entry
child = VendorProcess(Entry("troubled", "troubled", ("bad1",), module="{FIXTURES}.troubled"), root=Path(sys.argv[1]))
print(child.pid, flush=True)
sys.stdin.read()
"""
    machine.file("etc/trouble", trouble)
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(machine.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=package_folder(),
        env={**os.environ, "PYTHONPATH": str(package_folder())},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not is_running(child), what=f"{child} outlives its parent")
