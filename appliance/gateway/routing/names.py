"""The model's name on its way in and out: an engine is asked for the target's name, a client sees the public one.

Both by replacing bytes: inside text the quotes are escaped, so `"model"` in quotes is a field and not what a model
says.
"""

import json
import re

FIELD = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')


def with_model(body: bytes, *, name: str) -> bytes:
    """The request's body asking for `name`; written anew only where another `model` stands somewhere inside."""
    said = b'"model":' + json.dumps(name).encode()
    found = FIELD.findall(body)
    if len(found) == 1:
        return FIELD.sub(lambda _: said, body, count=1)
    return json.dumps({**json.loads(body), "model": name}).encode()


class AnswerName:
    """Feed it whole frames or a whole answer. It learns from the first what the other side calls the model."""

    def __init__(self, public_name: str) -> None:
        self._said = b'"model":' + json.dumps(public_name).encode()
        self._found: bytes | None = None

    def __call__(self, passed: bytes) -> bytes:
        if self._found is None:
            match = FIELD.search(passed)
            if match is None:
                return passed
            self._found = match[0]
        return passed.replace(self._found, self._said)
