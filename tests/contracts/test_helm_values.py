"""Every value of the chart is described, used by a template and known to the schema; the docs' table is fresh."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "appliance"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
OPEN = {"settings", "ingress.annotations", "ray.workerGroups"}
"""Maps whose keys the operator chooses."""


def load_table() -> Any:
    spec = importlib.util.spec_from_file_location("values_table", ROOT / "helm" / "values_table.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(node, dict) and node and ".".join(path) not in OPEN:
        for key, child in cast(dict[str, Any], node).items():
            yield from leaves(child, (*path, key))
    else:
        yield ".".join(path)


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    return SCHEMA["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def schema_leaves(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    properties = resolve(node).get("properties")
    if properties and path[-1:] not in {("resources",), ("requests",)}:
        for key, child in properties.items():
            yield from schema_leaves(child, (*path, key))
    else:
        yield ".".join(path)


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        found = cast(dict[str, Any], node)
        if found.get("type") == "object":
            yield found
        for child in found.values():
            yield from objects(child)
    elif isinstance(node, list):
        for child in cast(list[Any], node):
            yield from objects(child)


def used(path: str, templates: str) -> bool:
    """The value itself, or a parent that is passed on whole or opened by `with`."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        if re.search(rf"\.Values\.{re.escape('.'.join(parts[:length]))}(?![\w.])", templates):
            inner = parts[length:]
            return not inner or inner[-1] in templates
    return False


@pytest.mark.parametrize("path", list(leaves(VALUES)))
def test_every_value_is_used(path: str) -> None:
    files = [*CHART.glob("templates/**/*.yaml"), *CHART.glob("templates/**/*.tpl")]
    templates = "\n".join(file.read_text() for file in files if file.name != "check-values.yaml")
    assert used(path, templates)


def test_values_and_schema_have_the_same_keys() -> None:
    ours = {re.sub(r"\.resources\..*", ".resources", path) for path in leaves(VALUES)}
    assert ours == set(schema_leaves(SCHEMA))


def test_schema_is_strict_and_local() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    for node in objects(SCHEMA):
        if "properties" in node:
            assert node["additionalProperties"] is False
    references = re.findall(r'"\$ref": "([^"]+)"', json.dumps(SCHEMA))
    assert references
    assert all(reference.startswith("#/definitions/") for reference in references)
    assert {reference.rpartition("/")[2] for reference in references} == set(SCHEMA["definitions"])


def test_defaults_obey_the_schema() -> None:
    assert jsonschema.Draft7Validator(SCHEMA).is_valid(VALUES)  # pyright: ignore[reportUnknownMemberType]


def test_every_value_is_described() -> None:
    described = {".".join(path) for path, _ in load_table().commented((CHART / "values.yaml").read_text())}
    paths = {re.sub(r"\.resources\..*", ".resources", path) for path in leaves(VALUES)}
    groups = {f"ray.workerGroups.cpu.{key}" for key in VALUES["ray"]["workerGroups"]["cpu"]}
    assert described == paths - {"ray.workerGroups"} | groups


def test_the_table_in_the_docs_is_fresh() -> None:
    command = [sys.executable, ROOT / "helm" / "values_table.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
