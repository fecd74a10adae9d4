"""skopeo, which knows nothing of models, carries ours: manifest and signature stay as they are, to the byte."""

import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.weights.modelpack.media_types import signature_tag
from appliance.weights.modelpack.registry import RegistrySource, push
from appliance.weights.modelpack.registry_client import Place
from appliance.weights.modelpack.sources import open_layout
from tests.fixtures.oci_registry import OciRegistry
from tests.fixtures.two_boxes import Box

pytestmark = pytest.mark.skipif(
    shutil.which("skopeo") is None, reason="skopeo is not installed (apt-get install skopeo)"
)


def skopeo(source: str, target: str) -> None:
    plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    command = ["skopeo", "--insecure-policy", "copy", "--quiet", *plain, source, target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def layout(here: Box, version: str, tmp_path: Path) -> Path:
    here.export(version, tmp_path / "layout")
    return tmp_path / "layout"


def tags(here: Box, version: str) -> tuple[str, str]:
    return version[:12], signature_tag(here.pack(version).model.digest)


def test_from_layout_to_layout(here: Box, there: Box, version: str, layout: Path, tmp_path: Path) -> None:
    for tag in tags(here, version):
        skopeo(f"oci:{layout}:{tag}", f"oci:{tmp_path}/carried:{tag}")
    assert open_layout(tmp_path / "carried").letter() == open_layout(layout).letter()
    assert there.take(tmp_path / "carried").digest == version


def test_from_layout_to_a_registry_and_back(
    here: Box, there: Box, version: str, layout: Path, registry: OciRegistry, tmp_path: Path
) -> None:
    for tag in tags(here, version):
        skopeo(f"oci:{layout}:{tag}", f"docker://{registry.host}/models/small:{tag}")
    place = Place(f"{registry.host}/models/small:{version[:12]}", plain_http=True)
    assert there.take(RegistrySource(place)).digest == version
    for tag in tags(here, version):
        skopeo(f"docker://{registry.host}/models/small:{tag}", f"oci:{tmp_path}/back:{tag}")
    assert open_layout(tmp_path / "back").letter() == open_layout(layout).letter()


def test_what_we_push_skopeo_reads(here: Box, there: Box, version: str, registry: OciRegistry, tmp_path: Path) -> None:
    tag, signature = tags(here, version)
    push(here.store, here.pack(version), place=Place(f"{registry.host}/models/small:{tag}", plain_http=True))
    for each in (tag, signature):
        skopeo(f"docker://{registry.host}/models/small:{each}", f"oci:{tmp_path}/carried:{each}")
    assert there.take(tmp_path / "carried").digest == version


def test_an_archive_of_skopeo_is_read_in_place(there: Box, version: str, layout: Path, tmp_path: Path) -> None:
    """skopeo puts one manifest into an archive, so the signature stays behind and the admin has to say so."""
    skopeo(f"oci:{layout}:{version[:12]}", f"oci-archive:{tmp_path}/model.tar:{version[:12]}")
    assert there.take(open_layout(tmp_path / "model.tar"), unsigned=True).digest == version
