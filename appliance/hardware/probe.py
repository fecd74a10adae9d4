"""`python -m appliance.hardware.probe MODULE ROOT`: one vendor's module, in a process of its own.

It answers at once, then again for each line on standard input, until that ends: one line of JSON (`Detected`) each.
Libraries that write to standard output write to nowhere. A vendor's library may hang with the process in it, so the
kernel ends it (alarm(2)) when an answer takes too long even for a parent that is gone.
"""

import importlib
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from appliance.hardware.inventory import Detected, Problem, to_json
from appliance.hardware.vendors.vendor import Vendor
from appliance.hardware.world import World

ALARM_SECONDS = 3
BUG_HINT = "This is a fault of the appliance, or of a Python binding it uses. Please report it with this sentence."


def main(module: str, *, root: Path) -> int:
    """`module` is the import path of one with a VENDOR, `root` the machine to look at, another than `/` for replay."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = _own_output()
    vendor: Vendor = importlib.import_module(module).VENDOR
    while True:
        signal.alarm(ALARM_SECONDS)
        answers.write(to_json(detect(vendor, root=root)).encode() + b"\n")
        answers.flush()
        signal.alarm(0)
        if not sys.stdin.buffer.readline():
            return 0


def detect(vendor: Vendor, *, root: Path) -> Detected:
    """What the module finds; a bug in it, or in a vendor's binding, is a Problem like any other."""
    world = World(root=root, system_paths=root == Path("/"))
    try:
        return vendor.detect(world)
    except Exception as error:  # noqa: BLE001  the edge of this process: whatever it is, the parent must be told
        message = f"Its module failed: {type(error).__name__}: {error}"
        return Detected(problems=(Problem(vendor=vendor.name, message=message, hint=BUG_HINT),), source="pci")


def _own_output() -> BinaryIO:
    """Keeps the pipe to the parent for our lines alone: file descriptor 1, where a library prints, leads nowhere."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], root=Path(sys.argv[2])))
