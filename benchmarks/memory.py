"""Memory of everything but the engines while nothing is asked, per process. `python -m benchmarks.memory`.

Figures are proportional set sizes (PSS: shared pages divided among those who share them), so that the sum is true. As a
measure of the same machine, the engines' own memory stands beside it.
"""

import argparse
import json
import os
from pathlib import Path

import psutil

from appliance.base.paths import Home, default_home
from installer.supervision.strays import Marked, marked_processes

WANTED_BYTES = 2 * 1024**3
WIDTH = 90


def proportional_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


def shown(marked: Marked) -> str:
    return " ".join(marked.process.cmdline())[:WIDTH] or marked.process.name()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("APPLIANCE_HOME", default_home())))
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    found = marked_processes(Home(given.home.absolute()).key)
    rows = sorted(
        ((proportional_bytes(marked.process), marked) for marked in found), key=lambda row: row[0], reverse=True
    )
    without = sum(size for size, marked in rows if not marked.is_engine)
    engines = sum(size for size, marked in rows if marked.is_engine)
    if given.as_json:
        listed = [{"bytes": size, "service": m.service, "engine": m.is_engine, "command": shown(m)} for size, m in rows]
        print(json.dumps({"without_engines_bytes": without, "engines_bytes": engines, "processes": listed}))
        return
    for size, marked in rows:
        print(f"{size / 2**20:8.1f} MiB  {'engine' if marked.is_engine else marked.service:11} {shown(marked)}")
    print(f"everything but the engines: {without / 2**20:.0f} MiB (at most {WANTED_BYTES / 2**20:.0f} wanted)")
    print(f"engines: {engines / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
