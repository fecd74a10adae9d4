"""The committed OpenAPI document is what the code says, and it is fit for generated clients."""

import json
from collections import Counter
from typing import Any

from appliance.base.contracts.forwarded import FORWARDED
from control_plane.api.openapi import COMMITTED, document


def operations() -> dict[str, dict[str, Any]]:
    paths = json.loads(document())["paths"]
    return {f"{method.upper()} {path}": operation for path, item in paths.items() for method, operation in item.items()}


def test_the_committed_document_is_the_generated_one() -> None:
    renew = "Look at the difference, then renew it: python -m control_plane.api.openapi --write"
    assert COMMITTED.read_text() == document(), renew


def test_operation_ids_are_unique() -> None:
    counted = Counter(operation["operationId"] for operation in operations().values())
    assert [name for name, count in counted.items() if count > 1] == []


def test_every_error_is_declared_as_the_envelope() -> None:
    silent = [
        f"{name} {status}"
        for name, operation in operations().items()
        for status, answer in operation["responses"].items()
        if status >= "400" and "ErrorAnswer" not in json.dumps(answer)
    ]
    assert silent == []


def test_paths_are_of_the_two_published_roots_or_forwarded_by_the_gateway() -> None:
    roots = ("/api/v1/", "/v1/organization/", *FORWARDED)
    outside = [name for name in operations() if not name.split(" ")[1].startswith(roots) and name != "GET /healthz"]
    assert outside == []
