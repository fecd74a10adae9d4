"""One private Ray, Redis and engine environment for all tests of a module."""

from collections.abc import Iterator

import pytest

from tests.fixtures.serving import ServingBox, serving_box_in


@pytest.fixture(scope="module")
def serving_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingBox]:
    with serving_box_in(tmp_path_factory.mktemp("serving")) as box:
        yield box
