"""From `appliance up` on a prepared home to the first streamed token, beside the engine's own start, round by round.

Both start the same engine: its command line and environment are read from the one that the appliance runs. `python -m
benchmarks.start_up` needs a home whose stack is up; it stops and starts it, and leaves it running.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from appliance.base import clock
from appliance.base.paths import Home, default_home
from benchmarks.stream_client import Target, ask
from installer.admin_client import AdminClient

CHAT = "sails-guide"
APPLIANCE = Path(sys.executable).with_name("appliance")
START_SECONDS = 300.0
TARGET_RATIO = 1.5


@dataclass(frozen=True)
class EngineStart:
    """How the appliance starts its engine, with a socket of our own."""

    argv: list[str]
    env: dict[str, str]
    socket: Path


@dataclass(frozen=True)
class Round:
    engine_seconds: float
    appliance_seconds: float
    phases: list[dict[str, Any]]


def running_engine(home: Home) -> EngineStart:
    """Copied from the chat model's first replica."""
    with AdminClient(home) as api:
        pid = int(api.get(f"/served-models/{CHAT}")["replicas"][0]["engine_pid"])
    process = psutil.Process(pid)
    socket = home.run / "bench.sock"
    argv = [f"--uds={socket}" if part.startswith("--uds=") else part for part in process.cmdline()]
    env = {key: value for key, value in process.environ().items() if not key.startswith("TS_")}
    return EngineStart(argv=argv, env=env, socket=socket)


def engine_alone(start: EngineStart) -> float:
    """Seconds from the engine's start to its first streamed token, with nothing else running."""
    start.socket.unlink(missing_ok=True)
    began = clock.monotonic()
    with subprocess.Popen(
        start.argv, env=start.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            asyncio.run(first_token(Target(address=f"unix:{start.socket}"), deadline=began + START_SECONDS))
            return clock.monotonic() - began
        finally:
            os.killpg(process.pid, signal.SIGKILL)


async def first_token(target: Target, *, deadline: float) -> None:
    while clock.monotonic() < deadline:
        try:
            await ask(target, model=CHAT, tokens=1)
        except (OSError, RuntimeError):
            await asyncio.sleep(0.05)
        else:
            return
    raise SystemExit("The engine did not answer in time.")


def appliance_up(home: Home) -> dict[str, Any]:
    """`appliance up` returns when the chat model has streamed a token through the public port."""
    done = subprocess.run(
        [str(APPLIANCE), "up", "--json"],
        env={**os.environ, "APPLIANCE_HOME": str(home.root)},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return json.loads(done.stdout)


def one_round(home: Home, start: EngineStart) -> Round:
    subprocess.run([str(APPLIANCE), "down"], env={**os.environ, "APPLIANCE_HOME": str(home.root)}, check=True)
    alone = engine_alone(start)
    began = clock.monotonic()
    document = appliance_up(home)
    return Round(engine_seconds=alone, appliance_seconds=clock.monotonic() - began, phases=document["phases"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("APPLIANCE_HOME", default_home())))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    home = Home(given.home.absolute())
    start = running_engine(home)
    rounds = [one_round(home, start) for _ in range(given.rounds)]
    ratio = statistics.median(r.appliance_seconds / r.engine_seconds for r in rounds)
    if given.as_json:
        print(json.dumps({"ratio": ratio, "rounds": [asdict(r) for r in rounds]}))
        return
    for number, r in enumerate(rounds, 1):
        print(f"round {number}: engine alone {r.engine_seconds:.1f} s, appliance up {r.appliance_seconds:.1f} s")
    for phase in rounds[-1].phases:
        print(f"  {phase['seconds']:7.2f} s  {phase['title']}")
    print(f"appliance up / engine alone: {ratio:.2f} (median; at most {TARGET_RATIO} wanted)")


if __name__ == "__main__":
    main()
