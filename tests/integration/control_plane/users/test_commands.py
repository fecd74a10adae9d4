"""`appliance users|projects|service-accounts|keys|audit` against the admin API on its unix socket."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text
from typer.testing import CliRunner

from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from control_plane.database.session import SessionFactory, transaction
from installer.cli import app
from tests.fixtures.waiting import wait_until

Run = Callable[..., str]


@pytest.fixture
def appliance(application: FastAPI, database_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command, which is to end with this exit code."""
    home = database_settings.paths
    monkeypatch.setenv("APPLIANCE_HOME", str(home.root))
    server = uvicorn.Server(uvicorn.Config(application, uds=str(home.api_socket), log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, what="the API listens", seconds=20)

    def run(*words: object, code: int = 0) -> str:
        outcome = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "300"})
        assert outcome.exit_code == code, outcome.output
        return "\n".join(line for line in outcome.output.splitlines() if "request_was_answered" not in line)

    yield run
    server.should_exit = True
    thread.join(timeout=20)


def parsed(output: str) -> Any:
    return json.loads(output)


def test_from_a_user_to_a_key_and_the_log(appliance: Run, session_factory: SessionFactory) -> None:
    made = parsed(appliance("users", "add", "Anna", "--role", "developer", "--email", "anna@example.com", "--json"))
    assert (made["user"]["name"], made["user"]["x_role"], len(made["password"])) == ("anna", "developer", 20)
    assert "anna" in appliance("users", "list")
    assert "operator" in appliance("users", "role", "anna@example.com", "operator")
    assert "disabled" in appliance("users", "disable", "anna")
    assert "disabled" not in appliance("users", "enable", "anna")
    assert parsed(appliance("users", "password", "anna", "--json"))["password"] != made["password"]
    assert "no user" in appliance("users", "role", "nobody", "viewer", code=1)

    project = parsed(appliance("projects", "add", "search", "--json"))["id"]
    assert "developer" in appliance("projects", "members", "search", "--add", "anna")
    members = parsed(appliance("projects", "members", "search", "--add", "anna", "--role", "admin", "--json"))[
        "members"
    ]
    assert {member["name"]: member["x_role"] for member in members} == {"admin": "admin", "anna": "admin"}
    assert "anna" not in appliance("projects", "members", "search", "--remove", "anna")
    assert "sk-ts-" in appliance("service-accounts", "add", "search", "nightly")
    assert "nightly" in appliance("service-accounts", "list", "search")
    assert "removed" in appliance("service-accounts", "remove", "search", "nightly")

    words = ["--scope", "inference", "--network", "10.0.0.0/8", "--expires", "2099-01-01", "--project", "search"]
    key = parsed(appliance("keys", "create", "report", "--model", "sails-guide", *words, "--json"))
    assert (key["scopes"], key["allowed_networks"], key["project_id"]) == (["inference"], ["10.0.0.0/8"], project)
    assert key["expires_at"] == 4070908800
    rotated = parsed(appliance("keys", "rotate", key["id"], "--overlap-hours", "1", "--json"))
    assert rotated["secret"] != key["secret"]
    assert "archived" in appliance("projects", "archive", "search")
    assert "search" in appliance("projects", "list", "--archived")

    assert "key.rotate" in appliance("audit", "list", "--action", "key.rotate")
    assert "whole" in appliance("audit", "verify")
    lines = [parsed(line) for line in appliance("audit", "export").splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert parsed(appliance("audit", "export", "--after", len(lines) - 1))["sequence"] == len(lines)
    with transaction(session_factory) as session:
        session.execute(text("UPDATE audit_entries SET target = 'x' WHERE sequence = 2"))
    assert appliance("audit", "verify", code=1) == "Entry 2: it was changed."


def test_the_first_keys_new_secret_is_kept_in_the_home(appliance: Run, database_settings: Settings) -> None:
    before = read_secret(database_settings.paths, Secret.FIRST_API_KEY)
    [first] = [key for key in parsed(appliance("keys", "list", "--json"))["keys"] if key["name"] == "first key"]
    rotated = parsed(appliance("keys", "rotate", first["id"], "--json"))
    assert read_secret(database_settings.paths, Secret.FIRST_API_KEY) == rotated["secret"] != before
