"""A box that has a model, and a box that is to get it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.oci_registry import OciRegistry, running_registry
from tests.fixtures.two_boxes import Box, trusting, write_model


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Box:
    folder = tmp_path_factory.mktemp("here")
    box = Box(folder / "home")
    box.store.publish(write_model(folder / "model"))
    return box


@pytest.fixture
def version(here: Box) -> str:
    return here.store.versions()[0]


@pytest.fixture
def there(tmp_path: Path, here: Box) -> Box:
    return trusting(Box(tmp_path / "there"), other=here)


@pytest.fixture
def registry() -> Iterator[OciRegistry]:
    with running_registry() as running:
        yield running
