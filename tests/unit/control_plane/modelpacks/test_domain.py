"""Places of artifacts: what the API takes, and what of it stands in a job."""

from typing import Any

import pytest
from pydantic import ValidationError

from appliance.base.errors import ApplianceError, BadRequest, Forbidden, ModelNotFound, NotFound
from control_plane.modelpacks.domain import ModelPackPlace
from control_plane.modelpacks.inspection import error_of
from control_plane.modelpacks.run_inspect import error_document
from control_plane.modelpacks.schemas import ModelPackRequest, RegistryRequest


@pytest.mark.parametrize(
    "reference",
    [
        "registry.example/models/m:v1",
        "10.0.0.5:5000/m",
        f"registry.example/a/b-c__d@sha256:{'0' * 64}",
        f"r.example/m:v1@sha256:{'0' * 64}",
    ],
)
def test_references_that_are_taken(reference: str) -> None:
    assert RegistryRequest(reference=reference).place().host == reference.split("/")[0]


@pytest.mark.parametrize(
    "reference",
    [
        "m:v1", "models/m:v1", "https://r.example/m:v1", "ann:pw@r.example/m", "r.example/../m", "r.example/M:v1",
        "r.example/m:v1?x=y", "r.example/m@sha256:12", "r.example/m:", "r.example:999999/m", "r.example/a//b#c",
    ],
)  # fmt: skip
def test_references_that_are_not(reference: str) -> None:
    with pytest.raises(ValidationError):
        RegistryRequest(reference=reference)


def test_a_host_is_the_same_in_whatever_case_as_its_password_has_one_file() -> None:
    place = RegistryRequest(reference="Registry.Example:5000/m:v1", plain_http=True).place()
    assert (place.host, place.url) == ("registry.example:5000", "http://registry.example:5000/")


@pytest.mark.parametrize("path", ["usb", "", "/media/../etc", "/media/\0usb"])
def test_a_path_is_absolute_and_plain(path: str) -> None:
    with pytest.raises(ValidationError):
        ModelPackRequest(places=[path])


def test_a_place_outlives_a_newer_writer() -> None:
    document: dict[str, Any] = {"places": ["/usb"], "tag": "v1", "mirrors": ["new"]}
    assert ModelPackPlace.model_validate(document).tag == "v1"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Forbidden("No.", hint="Ask.", code="untrusted_key", key_id="1"), Forbidden),
        (ModelNotFound("Gone."), NotFound),
        (BadRequest("Bad.", param="source"), BadRequest),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: ApplianceError, kind: type[ApplianceError]) -> None:
    found = error_of(error_document(error))
    assert type(found) is kind
    assert found.envelope()["error"] == {**error.envelope()["error"], "type": found.type}
    assert found.status == error.status
