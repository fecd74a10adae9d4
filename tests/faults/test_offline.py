"""With all packages there, the whole stack starts and serves where only loopback exists, and tries no outside address.

The namespace has no route but loopback's, so any try to reach the world is counted by the kernel as `OutNoRoutes`.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.base.paths import Home
from tests.fixtures.stack import APPLIANCE, TEST_ROOT, RunningStack, stack_environment

INSIDE = r"""
import fcntl, json, socket, struct, subprocess, sys, time
up = struct.pack("16sh", b"lo", 1 | 8 | 64)
fcntl.ioctl(socket.socket(), 0x8914, up)
appliance = sys.argv[1]
done = subprocess.run([appliance, "up", "--ask", "--json"], capture_output=True, text=True)
ends = time.monotonic() + 200
while subprocess.run([appliance, "status"], capture_output=True).returncode != 0 and time.monotonic() < ends:
    time.sleep(2)
def counter(path, group, name):
    rows = [line.split() for line in open(path) if line.startswith(group)]
    return int(rows[1][rows[0].index(name)])
six = [line.split() for line in open("/proc/net/snmp6") if line.startswith("Ip6OutNoRoutes")]
tries = counter("/proc/net/snmp", "Ip:", "OutNoRoutes") + int(six[0][1])
subprocess.run([appliance, "down"], check=True, capture_output=True)
green = time.monotonic() < ends
print(json.dumps({"rc": done.returncode, "green": green, "out": done.stdout, "err": done.stderr, "tries": tries}))
"""


def can_unshare() -> bool:
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="this machine allows no network namespaces")
def test_it_starts_and_serves_with_loopback_only(stack: RunningStack) -> None:
    assert stack.home.root.is_dir(), "the shared stack has installed the engine environment"
    home = TEST_ROOT / "home-offline"
    shutil.rmtree(home, ignore_errors=True)
    wrapper = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    done = subprocess.run(
        [*wrapper, sys.executable, "-c", INSIDE, str(APPLIANCE)],
        env=stack_environment(home),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    shutil.rmtree(Home(Path(home)).run, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    assert seen["rc"] == 0, seen["out"][-4000:] + seen["err"][-4000:]
    assert "LLM appliance" in json.loads(seen["out"])["first_question"]["answer"]
    assert seen["green"], "the embedding model never became ready"
    assert seen["tries"] == 0, "something tried to reach an outside address"
