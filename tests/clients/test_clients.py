"""Unmodified clients, as their users install them, against the real stack: each does what its documentation shows."""

import os

import pytest

from tests.fixtures.client_environments import node_client, python_client
from tests.fixtures.stack import RunningStack

CLIENTS = [
    ("openai-1", "openai_client"),
    ("openai-2", "openai_client"),
    ("openai-3", "openai_client"),
    ("openai-2", "openai_responses"),
    ("openai-3", "openai_responses"),
    ("anthropic", "anthropic_client"),
    ("langchain", "langchain_client"),
    ("llama-index", "llama_index_client"),
    ("instructor", "instructor_client"),
    ("litellm", "litellm_client"),
    ("agents", "agents_client"),
]
QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_AGENTS_DISABLE_TRACING": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def environ_of(stack: RunningStack) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))}
    return {**kept, **QUIET, "OPENAI_BASE_URL": f"{stack.base_url}/v1", "OPENAI_API_KEY": stack.first_key}


@pytest.mark.parametrize(("environment", "program"), CLIENTS, ids=lambda name: name)
def test_a_python_client(stack: RunningStack, environment: str, program: str) -> None:
    found = python_client(environment, program, environ=environ_of(stack))
    assert found
    assert {name: said for name, said in found.items() if said != "ok"} == {}


def test_the_node_client(stack: RunningStack) -> None:
    found = node_client(environ=environ_of(stack))
    assert found
    assert {name: said for name, said in found.items() if said != "ok"} == {}
