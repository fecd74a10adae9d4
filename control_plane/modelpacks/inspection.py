"""The outside of a look into an artifact: a child process that is waited for, but not for ever."""

import json
import os
import subprocess
import sys
from typing import Any

from appliance.base.child_env import child_env
from appliance.base.errors import ApplianceError, Internal, Unavailable
from appliance.base.settings import PREFIX, Settings
from control_plane.jobs.process_entry import PARENT_PID_VARIABLE
from control_plane.modelpacks.domain import ModelPackPlace
from control_plane.modelpacks.run_inspect import KINDS

MODULE = "control_plane.modelpacks.run_inspect"
LIMIT_SECONDS = 20.0


def inspect(place: ModelPackPlace, settings: Settings, *, limit_seconds: float = LIMIT_SECONDS) -> dict[str, Any]:
    """As `operations.inspect_model`; raises what that raised, Unavailable after `limit_seconds`."""
    extra = {f"{PREFIX}HOME": str(settings.paths.root), PARENT_PID_VARIABLE: str(os.getpid())}
    try:
        done = subprocess.run(
            [sys.executable, "-m", MODULE],
            input=place.model_dump_json().encode(),
            stdout=subprocess.PIPE,
            env=child_env(extra),
            timeout=limit_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            f"The source did not tell within {limit_seconds:.0f} s what it holds.",
            hint="Look at the disk or the network; an import is not bound by this limit.",
            code="inspection_timed_out",
        ) from error
    if done.returncode != 0:
        raise Internal("Looking into the source failed.", hint="See `appliance logs api`.")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise error_of(answer["error"])
    return answer["found"]


def error_of(document: dict[str, Any]) -> ApplianceError:
    content = dict(document["content"])
    return KINDS[document["kind"]](content.pop("message"), **content, **document["params"])
