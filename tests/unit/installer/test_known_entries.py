"""Where `models fit` and `models here` take entries from: a file, the release, or the admin API."""

import json
import socketserver
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from appliance.base.errors import BadRequest
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, write_secret
from installer.cli import app
from installer.known_entries import SHIPPED_ONLY, entries_of_file, known_entries, only_entry
from model_catalog.catalogue import load_catalogue
from tests.fixtures.catalogue_entries import raw_entry

runner = CliRunner()


@pytest.fixture(autouse=True)
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "nothing"))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump([raw_entry("a"), raw_entry("b")]))
    return path


def run(*words: str, code: int = 0) -> str:
    outcome = runner.invoke(app, ["models", *words], env={"COLUMNS": "250"})
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_without_a_running_appliance_the_shipped_ones_are_known_and_that_is_said(tmp_path: Path) -> None:
    found = known_entries(Home(tmp_path / "nothing"))
    assert found.entries == load_catalogue()
    assert found.note == SHIPPED_ONLY
    assert SHIPPED_ONLY in run("here")
    assert SHIPPED_ONLY in run("fit", "no-such-model", code=1)


def test_the_entry_of_a_file_is_meant_by_its_name(two: Path) -> None:
    found = entries_of_file(two)
    assert only_entry(found, path="x", name="b").name == "b"
    with pytest.raises(BadRequest, match="has 2 entries") as refused:
        only_entry(found, path="x", name=None)
    assert "a, b" in str(refused.value.hint)
    with pytest.raises(BadRequest, match="no entry `c`"):
        only_entry(found, path="x", name="c")


def test_fit_and_here_take_a_file(two: Path) -> None:
    assert "Fits." in run("fit", str(two), "--entry", "a", "--on", "h100")
    assert "has 2 entries" in run("fit", str(two), "--on", "h100", code=1)
    document = json.loads(run("here", str(two), "--json"))
    assert [row["model"] for row in document["models"]] == ["a", "b"]
    assert document["note"] is None


class CatalogueOverSocket(socketserver.UnixStreamServer):
    """Answers every request with one custom entry, as the admin API would."""

    def get_request(self) -> tuple[Any, Any]:
        connection, _ = super().get_request()
        return connection, ("the socket", 0)


class OneEntry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"data": [{"entry": raw_entry("my-own")}], "has_more": False}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library sets the name
        """Into no test's output."""


def test_a_running_appliance_knows_an_admins_own_entries() -> None:
    with tempfile.TemporaryDirectory(prefix="ts-") as folder:  # the path of a socket is short
        home = Home(Path(folder))
        for path in (home.api_socket.parent, home.secrets):
            path.mkdir(parents=True, exist_ok=True)
        write_secret(home, Secret.ADMIN_TOKEN, "x" * 32)
        with CatalogueOverSocket(str(home.api_socket), OneEntry) as server:
            thread = threading.Thread(target=server.handle_request, daemon=True)
            thread.start()
            found = known_entries(home)
            thread.join(5)
    assert (list(found.entries), found.note) == (["my-own"], None)
