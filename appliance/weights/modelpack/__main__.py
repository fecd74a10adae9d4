"""`python -m appliance.weights.modelpack`, for operators and tests. The answer goes to stdout, progress to stderr.

Ctrl-C and SIGTERM leave a state that the same command takes up again; the exit code is then 130.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from types import FrameType
from typing import Any

from appliance.base.clock import monotonic
from appliance.base.errors import ApplianceError
from appliance.base.paths import Home
from appliance.weights.modelpack.arguments import export_request, import_request, make_parser
from appliance.weights.modelpack.layout_files import open_plain
from appliance.weights.modelpack.operations import export_model, import_model, inspect_model, take_inventory
from appliance.weights.modelpack.signing import SIGNATURE_LIMIT, keyring_of
from appliance.weights.modelpack.watch import Watch
from appliance.weights.store import Progress

SECONDS_BETWEEN = 1.0
INTERRUPTED = 130


class ProgressLine:
    """One line a second, with speed and time left. Bytes that were there already do not count for the speed."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.began = self.told = monotonic()
        self.first: int | None = None

    def __call__(self, progress: Progress) -> None:
        self.first = progress.done_bytes if self.first is None else self.first
        if monotonic() - self.told < SECONDS_BETWEEN:
            return
        self.told = monotonic()
        rate = (progress.done_bytes - self.first) / (self.told - self.began)
        left = (progress.total_bytes - progress.done_bytes) / rate if rate > 0 else None
        sys.stderr.write(self.text(progress, rate=rate, left=left) + "\n")
        sys.stderr.flush()

    def text(self, progress: Progress, *, rate: float, left: float | None) -> str:
        if self.as_json:
            return json.dumps({**asdict(progress), "bytes_per_second": round(rate), "seconds_left": left})
        share = progress.done_bytes / max(progress.total_bytes, 1)
        remaining = f"{left:.0f} s left" if left is not None else "waiting"
        return f"{share:7.1%}  {rate / 1e6:8.1f} MB/s  {remaining}  {progress.file}"


def main(arguments: Sequence[str]) -> int:
    found = make_parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        answer = perform(found)
    except ApplianceError as error:
        sys.stderr.write(f"{json.dumps(error.envelope())}\n" if found.json else f"{words(error)}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. The same command goes on from here.\n")
        return INTERRUPTED
    sys.stdout.write(json.dumps(answer, default=str) + "\n" if found.json else plain(answer))
    return 0


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def words(error: ApplianceError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message


def perform(found: argparse.Namespace) -> dict[str, Any]:
    watch = Watch(progress=ProgressLine(as_json=found.json))
    match found.command:
        case "export":
            return asdict(export_model(export_request(found), watch=watch))
        case "import":
            return asdict(import_model(import_request(found), watch=watch))
        case "inspect":
            return inspect_model(import_request(found))
        case "inventory":
            return {"digests": take_inventory(found.home, target=found.target)}
        case _:
            return keys(found)


def keys(found: argparse.Namespace) -> dict[str, Any]:
    keyring = keyring_of(Home(found.home))
    match found.action:
        case "show":
            return {"public_key": keyring.public_pem().decode(), "key_id": keyring.own_id()}
        case "trust":
            with open_plain(found.file) as stream:
                return {"trusted": keyring.trust(stream.read(SIGNATURE_LIMIT + 1))}
        case "distrust":
            keyring.distrust(found.id)
            return {"distrusted": found.id}
        case _:
            return {"own": keyring.own_id(), "trusted": list(keyring.trusted_ids())}


def plain(answer: dict[str, Any]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in answer.items() if key != "files")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
