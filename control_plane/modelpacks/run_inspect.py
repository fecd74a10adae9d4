"""The inside of a look: a place on stdin, an answer or an error on stdout, within limits of memory and processor time.

A process of its own, as the guard watches every connection of it, and as it parses what strangers wrote.
"""

import json
import os
import resource
import sys
from typing import Any

from appliance.base.errors import (
    ApplianceError,
    BadRequest,
    Forbidden,
    Insufficient,
    Internal,
    NotFound,
    SetupError,
    Unavailable,
)
from appliance.base.settings import load_settings
from appliance.weights.modelpack.operations import inspect_model
from control_plane.jobs.process_entry import PARENT_PID_VARIABLE, die_with_parent
from control_plane.modelpacks.domain import ModelPackPlace
from control_plane.modelpacks.registries import import_request, reached

MEMORY_BYTES = 2 * 1024**3
CPU_SECONDS = 20

KINDS: dict[str, type[ApplianceError]] = {
    kind.__name__: kind
    for kind in (BadRequest, Forbidden, NotFound, Unavailable, Insufficient, SetupError, Internal)
}  # fmt: skip
"""What the other side makes of an error again: its status is the class's."""


def look(place: ModelPackPlace) -> dict[str, Any]:
    settings = load_settings()
    with reached(place.registry, settings) as address:
        return inspect_model(import_request(place, settings, address=address))


def error_document(error: ApplianceError) -> dict[str, Any]:
    """Of a subclass that the other side does not know, the nearest one that it does."""
    kind = next((each.__name__ for each in type(error).__mro__ if each.__name__ in KINDS), Internal.__name__)
    content = {"message": error.message, "hint": error.hint, "param": error.param, "code": error.error_code}
    return {"kind": kind, "content": content, "params": error.params}


def main() -> None:
    die_with_parent(int(os.environ[PARENT_PID_VARIABLE]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        answer = {"found": look(ModelPackPlace.model_validate_json(sys.stdin.read()))}
    except ApplianceError as error:
        answer = {"error": error_document(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
