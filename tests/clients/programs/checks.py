"""What the client programs share: a list of named checks, run one by one, told as one JSON object at the end.

Each program runs in an environment of its own, in which nothing of ours is installed.
"""

import json
import os
import traceback
from collections.abc import Callable

CHAT = "sails-guide"
EMBEDDING = "all-minilm-l6-v2"
QUESTION = "What is Thousand Sails?"
BASE_URL = os.environ.get("OPENAI_BASE_URL", "")
KEY = os.environ.get("OPENAI_API_KEY", "")

CHECKS: list[Callable[[], None]] = []


def check(function: Callable[[], None]) -> Callable[[], None]:
    CHECKS.append(function)
    return function


def told(text: object) -> None:
    """The bundled model knows what it runs on; a client that mangled the answer would not show these words."""
    assert "appliance" in str(text), text


def refusal(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """The error of this kind that the call ends with."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def main() -> None:
    outcome: dict[str, str] = {}
    for function in CHECKS:
        try:
            function()
        except Exception:
            outcome[function.__name__] = traceback.format_exc()[-2000:]
        else:
            outcome[function.__name__] = "ok"
    print(json.dumps(outcome))
