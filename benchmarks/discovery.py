"""What it costs to ask a node for its cards, on replayed nodes of every vendor. `python -m benchmarks.discovery`.

Columns: the first look (`discover`: processes started, library loaded, links read off the bus), a further look of a
Watcher (the processes stay), and the peer: a tool's answer read once through `subprocess`, as products do that list
cards by running `nvidia-smi` and its like. The peer here is a shell script that prints the vendor's sample. It asks no
driver and nobody reads what it prints, so it is the least that such a listing can cost, not what a real tool takes; the
replayed libraries answer at once too. So this measures our own part, not a driver's.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.base import clock
from appliance.hardware.discovery import discover, take_stock
from appliance.hardware.inventory import Inventory
from appliance.hardware.watcher import Watcher
from tests.fixtures.hardware_world import SAMPLES, FakeMachine
from tests.fixtures.replayed_nodes import NODES, REPLAYED, build

WANTED_SECONDS = 0.3
PEER_FOLDER = "peer"
LISTINGS = {
    "amd": "amd/amd_smi_static.json",
    "ascend": "ascend/info.txt",
    "cambricon": "cambricon/cnmon.txt",
    "enflame": "enflame/q.txt",
    "gaudi": "gaudi/hl_smi_8_gaudi3.csv",
    "hygon": "hygon/hy_smi_8_k100ai.json",
    "iluvatar": "iluvatar/ixsmi.txt",
    "intel": "intel_gpu/discovery.json",
    "kunlunxin": "kunlunxin/q.txt",
    "metax": "metax/mx-smi-2.1.6.txt",
    "moore_threads": "moore_threads/mthreads-gmi.json",
    "nvidia": "nvidia/smi_8_h100.xml",
    "thead": "thead/ppu-smi.txt",
}
"""What the vendor's tool prints to list its cards."""


@dataclass(frozen=True)
class Row:
    """Medians."""

    vendor: str
    cards: int
    first_seconds: float
    again_seconds: float
    tool: str
    tool_seconds: float


def measure(name: str, *, rounds: int) -> Row:
    """First look, further look and peer in turn, so that whatever else runs slows all of them."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        peer = peer_of(build(name, root), name)
        first: list[float] = []
        again: list[float] = []
        tool: list[float] = []
        with Watcher(root) as watcher:
            inventory = checked(take_stock(watcher, root=root))
            for _ in range(rounds):
                first.append(timed(lambda: checked(discover(root))))
                again.append(timed(lambda: checked(take_stock(watcher, root=root))))
                tool.append(timed(lambda: subprocess.run([str(peer)], capture_output=True, text=True, check=True)))
    return Row(
        vendor=name,
        cards=len(inventory.accelerators) - 1,
        first_seconds=statistics.median(first),
        again_seconds=statistics.median(again),
        tool=NODES[name].tool,
        tool_seconds=statistics.median(tool),
    )


def peer_of(machine: FakeMachine, name: str) -> Path:
    """Out of discovery's sight."""
    machine.tool(NODES[name].tool, answers={"": SAMPLES / LISTINGS[name]}, folder=PEER_FOLDER)
    return machine.root / PEER_FOLDER / NODES[name].tool


def checked(inventory: Inventory) -> Inventory:
    """A look that found less than all is no measurement."""
    if inventory.problems:
        raise SystemExit(f"{inventory.problems[0].vendor}: {inventory.problems[0].message}")
    return inventory


def timed(action: Callable[[], object]) -> float:
    began = clock.monotonic()
    action()
    return clock.monotonic() - began


def show(rows: list[Row]) -> None:
    print(f"{'vendor':14} {'cards':>5} {'first look':>11} {'further':>9} {'peer: a script that prints the sample':>40}")
    for row in rows:
        first, again, tool = (
            f"{1000 * each:.0f} ms" for each in (row.first_seconds, row.again_seconds, row.tool_seconds)
        )
        print(f"{row.vendor:14} {row.cards:5} {first:>11} {again:>9} {f'{tool} ({row.tool})':>40}")
    slowest = max(rows, key=lambda row: row.first_seconds)
    print(
        f"slowest first look: {1000 * slowest.first_seconds:.0f} ms ({slowest.vendor}; "
        f"under {1000 * WANTED_SECONDS:.0f} ms wanted)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vendor", action="append", choices=REPLAYED, help="only this one; may be given again")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    rows = [measure(name, rounds=given.rounds) for name in given.vendor or REPLAYED]
    if given.as_json:
        print(json.dumps({"wanted_seconds": WANTED_SECONDS, "rows": [asdict(row) for row in rows]}))
        return
    show(rows)


if __name__ == "__main__":
    main()
