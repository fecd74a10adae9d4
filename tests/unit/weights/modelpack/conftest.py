"""A box that has a model, and a box that is to get it. Made once and copied, as making them waits for the disk."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.two_boxes import Box, trusting, write_model


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modelpack")
    box = Box(folder / "here")
    published = box.store.publish(write_model(folder / "model"))
    box.export(published.digest, folder / "layout")
    return folder


@pytest.fixture
def model_folder(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template / "model", tmp_path / "model")


@pytest.fixture
def here(template: Path, tmp_path: Path) -> Box:
    return Box(shutil.copytree(template / "here", tmp_path / "here"))


@pytest.fixture
def there(tmp_path: Path, here: Box) -> Box:
    return trusting(Box(tmp_path / "there"), other=here)


@pytest.fixture
def version(here: Box) -> str:
    return here.store.versions()[0]


@pytest.fixture
def layout(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template / "layout", tmp_path / "layout")
