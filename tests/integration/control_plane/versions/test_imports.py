"""An import from the API's request to a version that is ready, through the real queue and worker."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from appliance.weights.store import WeightStore
from control_plane.reconcilers.versions import VersionsReconciler
from tests.fixtures.catalogue_entries import raw_entry
from tests.fixtures.hub_mirror import running_mirror
from tests.fixtures.waiting import wait_until
from tests.fixtures.workers import JobBench

Connect = Callable[[str | None], TestClient]


@pytest.fixture
def admin(connect: Connect, database_settings: Settings) -> TestClient:
    return connect(read_secret(database_settings.paths, Secret.ADMIN_TOKEN))


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"w": np.ones(1024, dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"max_position_embeddings": 1234}')
    return folder


def wait_for_end(job_bench: JobBench, admin: TestClient, job_id: str) -> dict[str, object]:
    def ended() -> bool:
        job_bench.reconciler.run()
        return admin.get(f"/api/v1/jobs/{job_id}").json()["state"] in ("succeeded", "failed")

    wait_until(ended, what="the import ends", seconds=60)
    return admin.get(f"/api/v1/jobs/{job_id}").json()


def test_a_folder_becomes_a_version_that_can_be_served(
    job_bench: JobBench, admin: TestClient, model_folder: Path, database_settings: Settings
) -> None:
    job_bench.start_worker()
    body = {"name": "tiny", "source_path": str(model_folder), "task": "embedding"}
    answer = admin.post("/api/v1/imports", json=body)
    assert answer.status_code == 202
    version_id, job_id = answer.json()["version"]["id"], answer.json()["job"]["id"]
    assert wait_for_end(job_bench, admin, job_id)["state"] == "succeeded"
    version = admin.get(f"/api/v1/versions/{version_id}").json()
    assert version["state"] == "ready"
    assert version["engine"]["max_model_len"] == 1234
    assert WeightStore(database_settings.paths.weights).verify(version["digest"]) == []
    served = admin.post("/api/v1/served-models", json={"name": "my-tiny", "model": "tiny"}).json()
    assert served["version_id"] == version_id
    assert answer.json()["warnings"] == served["warnings"] == []
    assert (served["task"], served["max_model_len"]) == ("embedding", 1234)


def test_retirement_and_a_licence_that_forbids_commerce_are_said_at_import_and_deploy(
    job_bench: JobBench, admin: TestClient, model_folder: Path
) -> None:
    made = raw_entry("leaving", task="embedding", introduced="2020-01", retired="2020-02", successor="bge-m3")
    made["licence"] |= {"commercial": False}
    assert admin.post("/api/v1/catalogue/entries", json={"entries": [made]}).status_code == 201
    job_bench.start_worker()
    listed = admin.get("/api/v1/catalogue/leaving").json()["warnings"]
    body = {"name": "leaving", "source_path": str(model_folder), "task": "embedding"}
    imported = admin.post("/api/v1/imports", json=body).json()
    assert wait_for_end(job_bench, admin, imported["job"]["id"])["state"] == "succeeded"
    served = admin.post("/api/v1/served-models", json={"name": "my-leaving", "model": "leaving"}).json()
    assert [each["code"] for each in listed] == ["model_retired", "licence_not_commercial"]
    assert listed[0]["message"].endswith("Use bge-m3 instead.")
    assert imported["warnings"] == served["warnings"] == listed
    assert "warnings" not in admin.get("/api/v1/served-models/my-leaving").json()
    admin.delete("/api/v1/catalogue/entries/leaving")


def test_pickle_is_refused_and_the_version_says_why(job_bench: JobBench, admin: TestClient, model_folder: Path) -> None:
    (model_folder / "pytorch_model.bin").write_bytes(b"")
    job_bench.start_worker()
    answer = admin.post("/api/v1/imports", json={"name": "bad", "source_path": str(model_folder)}).json()
    job = wait_for_end(job_bench, admin, answer["job"]["id"])
    assert job["state"] == "failed"
    VersionsReconciler(job_bench.factory, interval_seconds=1).run()
    version = admin.get(f"/api/v1/versions/{answer['version']['id']}").json()
    assert version["state"] == "failed"
    assert "pytorch_model.bin" in version["state_reason"]
    refused = admin.post("/api/v1/served-models", json={"name": "x", "version_id": version["id"]})
    assert refused.status_code == 400


def test_an_archive_becomes_a_version(
    job_bench: JobBench, admin: TestClient, model_folder: Path, tmp_path: Path, database_settings: Settings
) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(model_folder, arcname="model")
    job_bench.start_worker()
    answer = admin.post("/api/v1/imports", json={"name": "packed", "source_path": str(archive)}).json()
    job = wait_for_end(job_bench, admin, answer["job"]["id"])
    assert job["state"] == "succeeded", job["error"]
    version = admin.get(f"/api/v1/versions/{answer['version']['id']}").json()
    assert WeightStore(database_settings.paths.weights).verify(version["digest"]) == []


def test_a_mirror_inside_is_refused_until_the_admin_allows_it(admin: TestClient, model_folder: Path) -> None:
    with running_mirror(model_folder) as mirror:
        hub = {"hub": "huggingface", "repository": "maker/model", "revision": "main", "endpoint": mirror.url}
        refused = admin.post("/api/v1/imports", json={"name": "m", "hub": hub})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "forbidden_address")


def test_what_cannot_be_imported_is_refused_at_once(admin: TestClient) -> None:
    for body, status in (
        ({"name": "relative", "source_path": "some/folder"}, 400),
        ({"name": "nobody-knows-it"}, 404),
        ({"name": "../up", "source_path": "/x"}, 400),
        ({"name": "x", "source_path": "/x", "extra": 1}, 400),
        ({"name": "x", "source_path": "/x", "hub": {"repository": "a/b"}}, 400),
        ({"name": "x", "hub": {"repository": "a/../b"}}, 400),
        ({"name": "x", "hub": {"repository": "a/b", "revision": "../c"}}, 400),
        ({"name": "x", "hub": {"repository": "a/b", "endpoint": "https://169.254.169.254"}}, 400),
        ({"name": "x", "hub": {"repository": "a/b", "endpoint": "http://example.com"}}, 400),
    ):
        answer = admin.post("/api/v1/imports", json=body)
        assert answer.status_code == status, body
        assert answer.json()["error"]["message"]
