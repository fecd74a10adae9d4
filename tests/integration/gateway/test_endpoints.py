"""Targets elsewhere: over TLS with an authority of the admin's, with a sealed key, and never inside by accident."""

from collections.abc import Iterator
from typing import Any

import pytest

from appliance.base.contracts.routes import ExternalEndpoint, sealing_context
from appliance.base.sealing import Sealer
from appliance.base.secret_files import Secret, ensure_secret
from tests.fixtures.gateway import KEY
from tests.fixtures.tls_endpoint import TlsEndpoint, running_tls_endpoint
from tests.fixtures.two_models import ROUTE, TwoModels, elsewhere, route, target, two_models_in

SECRET = "sk-elsewhere-very-secret"
ID = "end-" + "1" * 32


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoModels]:
    with two_models_in(tmp_path_factory.mktemp("far")) as made:
        yield made


@pytest.fixture
def far() -> Iterator[TlsEndpoint]:
    with running_tls_endpoint() as endpoint:
        yield endpoint


def endpoint_of(two: TwoModels, far: TlsEndpoint, **changed: Any) -> ExternalEndpoint:
    sealer = Sealer(ensure_secret(two.box.home, Secret.KEY_ENCRYPTION_KEY))
    facts: dict[str, Any] = {
        "endpoint_id": ID,
        "name": "far",
        "base_url": far.base_url,
        "sealed_key": sealer.seal(SECRET, context=sealing_context(ID)),
        "allow_private": True,
        "ca_certificates": far.authority,
    }
    return ExternalEndpoint(**{**facts, **changed})


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_goes_out_and_its_answer_comes_back_under_the_public_name(
    two: TwoModels, far: TlsEndpoint, stream: bool
) -> None:
    two.lead(route((elsewhere(ID),)), endpoints=(endpoint_of(two, far),))
    response = two.ask(stream=stream)
    assert response.status_code == 200, response.text
    assert f'"model":"{ROUTE}"' in response.text
    assert "far-model" not in response.text
    seen = far.seen[-1]
    assert (seen.path, seen.body["model"]) == ("/v1/chat/completions", "far-model")
    assert seen.headers["authorization"] == f"Bearer {SECRET}"
    assert KEY not in str(seen.headers)
    start, end = two.start_of(response), two.end_of(response)
    assert (start["external_endpoint_id"], start["served_model_id"]) == (ID, "")
    assert (end["prompt_tokens"], end["completion_tokens"], end["estimated"]) == (7, 5, False)
    assert SECRET not in two.box.log()


def test_connections_are_kept_and_a_closed_one_costs_nobody_an_answer(two: TwoModels, far: TlsEndpoint) -> None:
    far.hang_up_after = 3
    two.lead(route((elsewhere(ID),)), endpoints=(endpoint_of(two, far),))
    assert [two.ask(stream=number % 2 == 0).status_code for number in range(9)] == [200] * 9
    assert far.connections < 9
    assert len(far.seen) == 9


def test_an_endpoint_is_the_fallback_of_our_own_model_and_the_other_way_round(two: TwoModels, far: TlsEndpoint) -> None:
    endpoint = endpoint_of(two, far)
    two.lead(route((target("a"),), (elsewhere(ID),), retry_percent=100), endpoints=(endpoint,))
    two.a.default.status = 503
    response = two.ask()
    two.a.default.status = 200
    assert response.status_code == 200
    assert (two.end_of(response)["external_endpoint_id"], two.end_of(response)["fallback"]) == (ID, True)
    far.default.status = 500
    two.lead(route((elsewhere(ID),), (target("a"),), retry_percent=100), endpoints=(endpoint,))
    assert {two.ask().status_code for _ in range(12)} == {200}
    assert len(far.seen) <= 5  # after three failures it is asked no more for a while


@pytest.mark.parametrize("changed", [{"ca_certificates": None}, {"allow_private": False}, {"sealed_key": "v1.x.y"}])
def test_what_is_not_trusted_or_not_allowed_is_not_asked(
    two: TwoModels, far: TlsEndpoint, changed: dict[str, Any]
) -> None:
    two.lead(route((elsewhere(ID),)), endpoints=(endpoint_of(two, far, **changed),))
    response = two.ask()
    assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
    assert far.seen == []
    two.lead(route((elsewhere(ID),), (target("a"),)), endpoints=(endpoint_of(two, far, **changed),))
    assert two.ask().status_code == 200


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_of_ours_that_is_refused_is_not_the_clients_fault(two: TwoModels, far: TlsEndpoint, status: int) -> None:
    far.default.status = status
    two.lead(route((elsewhere(ID),)), endpoints=(endpoint_of(two, far),))
    response = two.ask()
    assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")


def test_a_stream_that_breaks_off_elsewhere_ends_with_an_error(two: TwoModels, far: TlsEndpoint) -> None:
    two.lead(route((elsewhere(ID),), (target("a"),)), endpoints=(endpoint_of(two, far),))
    response = two.ask(stream=True, fake={"die_after": 2})
    assert "engine_error" in response.text
    assert "[DONE]" not in response.text
