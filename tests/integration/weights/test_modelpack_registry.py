"""Through a registry and back, by oras; and what an unwell or hostile registry does."""

import base64
import json

import pytest

from appliance.base.errors import ApplianceError, BadRequest, Forbidden, NotFound, Unavailable
from appliance.weights.modelpack import registry_client
from appliance.weights.modelpack.operations import ImportRequest, RegistryAddress, inspect_model
from appliance.weights.modelpack.registry import RegistrySource, push
from appliance.weights.modelpack.registry_client import Place
from appliance.weights.modelpack.watch import Watch
from appliance.weights.store import Progress
from tests.fixtures.oci_registry import OciRegistry
from tests.fixtures.two_boxes import Box


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_client, "PAUSES_SECONDS", (0.01, 0.01))


@pytest.fixture
def place(registry: OciRegistry) -> Place:
    return Place(f"{registry.host}/models/small:v1", plain_http=True)


@pytest.fixture
def pushed(here: Box, version: str, place: Place) -> Place:
    push(here.store, here.pack(version), place=place)
    return place


def largest(registry: OciRegistry) -> str:
    return max(registry.blobs, key=lambda digest: len(registry.blobs[digest]))


def refusal(box: Box, place: Place) -> ApplianceError:
    with pytest.raises(ApplianceError) as caught:
        box.take(RegistrySource(place))
    assert box.store.versions() == ()
    return caught.value


def test_a_model_goes_through_a_registry(there: Box, version: str, pushed: Place) -> None:
    assert there.take(RegistrySource(pushed)).digest == version
    assert there.store.verify(version) == []
    assert there.leftovers() == []


def test_a_push_tells_its_progress_and_sends_nothing_twice(
    here: Box, version: str, registry: OciRegistry, place: Place
) -> None:
    seen: list[Progress] = []
    push(here.store, here.pack(version), place=place, watch=Watch(progress=seen.append))
    assert seen[-1].done_bytes <= seen[-1].total_bytes
    assert seen[-1].done_bytes > 0.99 * here.pack(version).total_bytes
    registry.requests.clear()
    push(here.store, here.pack(version), place=place)
    assert [line for line in registry.requests if line.startswith(("POST", "PATCH"))] == []


@pytest.mark.usefixtures("pushed")
def test_a_model_is_taken_by_its_digest(there: Box, here: Box, version: str, registry: OciRegistry) -> None:
    digest = here.pack(version).model.digest
    place = Place(f"{registry.host}/models/small@sha256:{digest}", plain_http=True)
    assert there.take(RegistrySource(place)).digest == version
    registry.manifests[f"sha256:{digest}"] += b" "
    assert refusal(Box(there.root.with_name("fourth")), place).error_code == "digest_mismatch"


def test_tokens_for_reading_and_writing_and_passwords(
    here: Box, there: Box, version: str, registry: OciRegistry
) -> None:
    registry.with_tokens = True
    registry.password = base64.b64encode(b"ann:secret").decode()
    place = Place(f"{registry.host}/models/small:v1", plain_http=True, user="ann", password="secret")
    push(here.store, here.pack(version), place=place)
    assert there.take(RegistrySource(place)).digest == version
    assert isinstance(
        refusal(Box(there.root.with_name("nobody")), Place(place.reference, plain_http=True)), Unavailable
    )


def test_a_broken_off_fetch_goes_on_by_a_range(there: Box, version: str, registry: OciRegistry, pushed: Place) -> None:
    registry.break_after = 200_000
    assert isinstance(refusal(there, pushed), ApplianceError)
    registry.break_after = None
    registry.requests.clear()
    assert there.take(RegistrySource(pushed)).digest == version
    fetched = [line for line in registry.requests if line.startswith("GET") and "/blobs/" in line]
    ranges = [line.rpartition("bytes=")[2] for line in registry.fetched(largest(registry))]
    assert ranges == ["200000-"]
    assert len(fetched) == 3, "the signature, the rest of one blob and the one behind it"


def test_a_registry_without_ranges_is_read_from_the_start(
    there: Box, version: str, registry: OciRegistry, pushed: Place
) -> None:
    registry.break_after = 200_000
    refusal(there, pushed)
    registry.break_after, registry.knows_ranges = None, False
    assert there.take(RegistrySource(pushed)).digest == version


def test_a_registry_that_restarts_is_asked_again(
    there: Box, version: str, registry: OciRegistry, pushed: Place
) -> None:
    registry.failures = 2
    assert there.take(RegistrySource(pushed)).digest == version
    registry.failures = 99
    assert isinstance(refusal(Box(there.root.with_name("third")), pushed), Unavailable)


def test_other_bytes_than_promised_are_named(there: Box, registry: OciRegistry, pushed: Place) -> None:
    digest = largest(registry)
    registry.blobs[digest] = registry.blobs[digest][:-1] + b"?"
    error = refusal(there, pushed)
    assert error.error_code == "digest_mismatch"
    assert "more.safetensors" in error.message


def test_more_bytes_than_promised_are_cut_off(there: Box, registry: OciRegistry, pushed: Place) -> None:
    registry.blobs[largest(registry)] += b"more"
    assert "longer" in refusal(there, pushed).message
    registry.manifests["v1"] = b" " * (5 * 2**20)
    assert "more than 4194304 bytes" in refusal(there, pushed).message


def test_a_swapped_manifest_or_signature_is_refused(there: Box, registry: OciRegistry, pushed: Place) -> None:
    manifest = json.loads(registry.manifests["v1"])
    manifest["layers"].pop()
    good, registry.manifests["v1"] = registry.manifests["v1"], json.dumps(manifest).encode()
    assert refusal(there, pushed).error_code == "unsigned_artifact"
    registry.manifests["v1"] = good
    tag = next(name for name in registry.manifests if name.endswith(".ts-signature"))
    registry.manifests[tag] = registry.manifests[tag].replace(
        b'"subject":{"digest":"sha256:', b'"subject":{"digest":"sha256:0'
    )
    assert isinstance(refusal(there, pushed), BadRequest)


def test_a_redirect_into_the_house_is_refused_until_allowed(there: Box, registry: OciRegistry, pushed: Place) -> None:
    port = registry.host.rpartition(":")[2]
    registry.redirect_blobs_to = f"http://localhost:{port}/storage"
    error = refusal(there, pushed)
    assert isinstance(error, Forbidden)
    assert error.error_code == "private_address"
    allowed = Place(pushed.reference, plain_http=True, allowed_hosts=(f"localhost:{port}",))
    assert isinstance(refusal(there, allowed), NotFound)


@pytest.mark.usefixtures("pushed")
def test_what_is_not_there_and_who_does_not_answer(there: Box, registry: OciRegistry) -> None:
    assert isinstance(refusal(there, Place(f"{registry.host}/models/small:v2", plain_http=True)), NotFound)
    assert isinstance(refusal(there, Place("127.0.0.1:9/models/small:v1", plain_http=True)), Unavailable)


def test_a_part_of_a_model_is_not_pushed(here: Box, version: str, place: Place) -> None:
    known = frozenset(path.name for path in here.store.blobs.root.glob("*/*"))
    with pytest.raises(BadRequest, match="whole models"):
        push(here.store, here.pack(version, known=known), place=place)


def test_looking_fetches_no_weights(there: Box, version: str, registry: OciRegistry, pushed: Place) -> None:
    registry.requests.clear()
    address = RegistryAddress(pushed.reference, plain_http=True)
    found = inspect_model(ImportRequest(home=there.root, registry=address))
    assert found["version"] == version
    assert found["missing_bytes"] == found["total_bytes"]
    assert registry.fetched(largest(registry)) == []
