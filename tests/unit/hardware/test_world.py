"""Files that are no text, and tools that are late: neither may cost more than its own figure."""

from contextlib import suppress
from pathlib import Path

import pytest

from appliance.base.clock import monotonic
from appliance.hardware.vendor_process import VendorProcess
from appliance.hardware.vendors.registry import Entry
from appliance.hardware.world import VendorFailed
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.waiting import wait_until

WRAPPER = 'sleep 60 &\necho $! > "{pid}.new"; mv "{pid}.new" "{pid}"\nwait'
"""A tool as vendors ship them: a script that starts the real one, here in a process that does not end."""


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    made = FakeMachine(tmp_path)
    made.script("some-smi", WRAPPER.format(pid=tmp_path / "tool.pid"))
    return made


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def started(machine: FakeMachine) -> int:
    return int((machine.root / "tool.pid").read_text())


def test_text_of_a_file_that_is_none(machine: FakeMachine) -> None:
    (machine.root / "version").write_bytes(b"\xff\xfe\x00")
    assert machine.world().text("version") is None
    assert machine.world().text("absent") is None
    machine.file("version", " 6.10.5\n")
    assert machine.world().text("/version") == "6.10.5"


def test_a_late_tool_ends_with_what_it_started(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.hardware.world.TOOL_SECONDS", 0.5)
    began = monotonic()
    with pytest.raises(VendorFailed, match="said nothing"):
        machine.world().tool("some-smi")
    assert monotonic() - began < 5
    real = started(machine)
    wait_until(lambda: not is_running(real), what=f"{real} is still there")


def test_a_tool_ends_with_the_process_of_its_vendor(machine: FakeMachine) -> None:
    """The watcher's limit may come before the tool's."""
    entry = Entry("troubled", "troubled", ("bad1",), module="tests.fixtures.hardware_vendors.troubled")
    machine.file("etc/trouble", "run_a_tool")
    child = VendorProcess(entry, root=machine.root)
    wait_until((machine.root / "tool.pid").exists, what="the tool does not start")
    child.kill()
    real = started(machine)
    wait_until(lambda: not is_running(real), what=f"{real} outlives the vendor's process")
    assert not is_running(real)
