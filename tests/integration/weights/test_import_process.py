"""The import job's work as its process runs it: settings from the environment, a hub's place from the spec."""

import base64
import os
from pathlib import Path

import pytest

from appliance.base.errors import BadRequest, SetupError
from appliance.base.paths import Home
from appliance.weights.store import WeightStore
from control_plane.exports.run_export import run_export
from control_plane.jobs.process_entry import Report
from control_plane.modelpacks.domain import RegistryPlace
from control_plane.modelpacks.registries import password_file, password_of
from control_plane.versions.run_import import run_import
from tests.fixtures.hub_mirror import Mirror, running_mirror
from tests.fixtures.oci_registry import OciRegistry
from tests.fixtures.two_boxes import Box, trusting
from tests.unit.weights.sealed.sealed_model import DEK, seal_small

SECRET = "hf_from_a_file"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "home"))
    (tmp_path / "token").write_text(f"{SECRET}\n")
    monkeypatch.setenv("APPLIANCE_IMPORTS__HUGGINGFACE_TOKEN_FILE", str(tmp_path / "token"))
    return tmp_path / "home"


def spec_of(mirror: Mirror) -> dict[str, object]:
    place = {"hub": "huggingface", "repository": "maker/model", "revision": "main", "endpoint": mirror.url}
    return {"version_id": "ver-x", "model_name": "m", "hub": place}


def test_a_mirror_that_the_admin_allowed_is_read_with_the_token_of_the_box(
    home: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_IMPORTS__ALLOWED_HOSTS", "127.0.0.1")
    reader, writer = os.pipe()
    with running_mirror(model_folder) as mirror:
        result = run_import(spec_of(mirror), Report(writer))
    assert result["max_model_len"] == 1234
    assert mirror.tokens == {f"Bearer {SECRET}"}
    reported = os.read(reader, 65536).decode()
    os.close(reader)
    assert '"total_bytes": ' in reported
    assert SECRET not in reported + str(result)
    assert WeightStore(home / "weights").verify(str(result["digest"])) == []


def test_one_that_is_not_allowed_hears_nothing(home: Path, model_folder: Path) -> None:
    reader, writer = os.pipe()
    with running_mirror(model_folder) as mirror, pytest.raises(BadRequest, match="not reached by https"):
        run_import(spec_of(mirror), Report(writer))
    os.close(reader)
    assert mirror.tokens == set()
    assert not list(home.rglob("MANIFEST.json"))


def test_an_artifact_goes_through_a_registry_with_a_password_that_is_a_file(
    tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch, registry: OciRegistry
) -> None:
    """Both ends as their jobs' processes run them: an export on one box, an import on another."""
    here, there = Box(tmp_path / "a"), Box(tmp_path / "b")
    digest = here.store.publish(model_folder).digest
    registry.with_tokens = True
    registry.password = base64.b64encode(f"ann:{SECRET}".encode()).decode()
    place = {"reference": f"{registry.host}/models/small:v1", "plain_http": True, "user": "ann"}
    reader, writer = os.pipe()
    report = Report(writer)
    export = {"version_id": "ver-x", "model_name": "m", "digest": digest, "registry": place}
    monkeypatch.setenv("APPLIANCE_HOME", str(here.root))
    with pytest.raises(BadRequest, match="not reached by https"):
        run_export(export, report)
    monkeypatch.setenv("APPLIANCE_IMPORTS__ALLOWED_HOSTS", "127.0.0.1")
    with pytest.raises(SetupError, match="no password"):
        run_export(export, report)
    assert registry.requests == []
    keep_password(here, registry.host)
    assert run_export(export, report)["signed_by"] == here.keyring.own_id()
    keep_password(trusting(there, other=here), registry.host)
    monkeypatch.setenv("APPLIANCE_HOME", str(there.root))
    spec = {"version_id": "ver-y", "model_name": "m", "modelpack": {"registry": place}}
    result = run_import(spec, report)
    assert (result["digest"], result["max_model_len"]) == (digest, 1234)
    assert there.store.verify(digest) == []
    assert SECRET not in os.read(reader, 65536).decode() + str(result)
    os.close(reader)


def keep_password(box: Box, host: str) -> None:
    path = password_file(Home(box.root), host)
    path.parent.mkdir(parents=True)
    path.touch(0o644)
    path.write_text(f"{SECRET}\n")
    with pytest.raises(SetupError, match="read by others"):
        password_of(RegistryPlace(reference=f"{host}/m:v1", user="ann"), Home(box.root))
    path.chmod(0o600)


def test_a_sealed_model_moves_sealed_and_says_which_licence_it_needs(
    tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = seal_small(model_folder, tmp_path / "sealed", dek=DEK)
    here, there = Box(tmp_path / "a"), Box(tmp_path / "b")
    here.export(here.store.publish(sealed.folder).digest, tmp_path / "usb")
    trusting(there, other=here)
    monkeypatch.setenv("APPLIANCE_HOME", str(there.root))
    reader, writer = os.pipe()
    spec = {"version_id": "ver-y", "model_name": "m", "modelpack": {"places": [str(tmp_path / "usb")]}}
    assert run_import(spec, Report(writer))["sealed"] == sealed.artifact.digest
    os.close(reader)
