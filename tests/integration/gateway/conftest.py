"""One gateway for all tests of a module; tests that break theirs make their own with `gateway_box_in`."""

from collections.abc import Iterator

import pytest

from tests.fixtures.gateway import GatewayBox, gateway_box_in


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayBox]:
    with gateway_box_in(tmp_path_factory.mktemp("gateway")) as box:
        yield box
