"""`appliance models add|show|remove|update` against the admin API on its unix socket."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from typer.testing import CliRunner

from appliance.base.settings import Settings
from installer.cli import app
from model_catalog.admission import read_entries
from model_catalog.updates.reading import TRUST_FOLDER, signed_document
from tests.fixtures.catalogue_entries import entry, raw_entry
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
        outcome = CliRunner().invoke(app, ["models", *map(str, words)], env={"COLUMNS": "300"})
        assert outcome.exit_code == code, outcome.output
        return "\n".join(line for line in outcome.output.splitlines() if "request_was_answered" not in line)

    yield run
    server.should_exit = True
    thread.join(timeout=20)


def test_an_entry_from_file_to_list_and_back(appliance: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump([raw_entry("my-model"), raw_entry("sails-guide")]))
    assert "--override" in appliance("add", path, code=1)
    assert "my-model, sails-guide" in appliance("add", path, "--override")
    assert "--replace" in appliance("add", path, "--override", code=1)
    appliance("add", path, "--override", "--replace")
    listed = appliance()
    assert "custom, overrides" in next(line for line in listed.splitlines() if line.startswith("sails-guide"))
    shown = appliance("show", "my-model")
    assert shown.startswith("# custom\n# Fits here: no. There are no nodes.\n")
    path.write_text(shown)
    assert read_entries(path) == (entry("my-model"),)
    assert "counts again" in appliance("remove", "sails-guide")
    assert appliance("remove", "my-model") == "my-model is removed."
    assert "no custom entry" in appliance("remove", "my-model", code=1)


def test_what_people_should_know_is_said_in_the_list_and_of_the_one(appliance: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    made = raw_entry("leaving", introduced="2020-01", retired="2020-02", successor="sails-guide")
    path.write_text(yaml.safe_dump([made]))
    appliance("add", path)
    sentence = "leaving is retired since 2020-02 (unverified: not said; a bare value, the form of before)."
    listed = appliance()
    assert "custom, retired" in next(line for line in listed.splitlines() if line.startswith("leaving"))
    assert f"{sentence} Use sails-guide instead." in listed
    shown = appliance("show", "leaving")
    assert f"# Warning: {sentence} Use sails-guide instead.\n" in shown
    path.write_text(shown)
    assert read_entries(path)[0].successor_name == "sails-guide"
    assert "# Warning: The licence of jina-reranker-m0" in appliance("show", "jina-reranker-m0")
    appliance("remove", "leaving")


def test_an_update_from_file(appliance: Run, database_settings: Settings, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    document = {"sequence": 3, "issued": "2026-11-22T00:00:00Z", "entries": [raw_entry("new-model")]}
    path = tmp_path / "update"
    path.write_bytes(signed_document(json.dumps(document).encode(), key=key))
    assert "trust/catalogue/NAME.pub" in appliance("update", path, code=1)
    public = database_settings.paths.root / TRUST_FOLDER / "publisher.pub"
    public.parent.mkdir(parents=True, exist_ok=True)
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert appliance("update", path) == "Catalogue update 3 is applied, with 1 entry."
    public.unlink()
    assert json.loads(appliance("show", "new-model", "--json"))["origin"] == "update"
