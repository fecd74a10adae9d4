"""Installing: what is refused before anything is fetched, and what counts as installed."""

from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.base.errors import SetupError
from appliance.engines import install
from appliance.engines.install import (
    STAMP,
    InstalledPack,
    environment_path,
    install_pack,
    installed_environment,
    locked_digest,
    seen,
)
from appliance.engines.pack import EnginePack, load_pack
from appliance.hardware.inventory import Processor


class Usage(NamedTuple):
    free: int


@pytest.fixture
def pack() -> EnginePack:
    return load_pack("vllm-cpu")


def one_gigabyte(_: Path) -> Usage:
    return Usage(free=10**9)


def processor_with(*flags: str) -> Processor:
    return Processor(name="p", architecture="x86_64", cores=1, physical_cores=1, flags=flags, numa_nodes=())


def test_a_processor_without_avx2_is_refused(pack: EnginePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "read_processor", lambda: processor_with("sse4_2"))
    with pytest.raises(SetupError, match="avx2"):
        install_pack(pack, engines_dir=tmp_path)


def test_another_machine_is_refused(pack: EnginePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.platform, "machine", lambda: "riscv64")
    with pytest.raises(SetupError, match="riscv64"):
        install_pack(pack, engines_dir=tmp_path)


def test_a_small_disk_is_refused(pack: EnginePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "read_processor", lambda: processor_with(*pack.cpu_flags))
    monkeypatch.setattr(install.shutil, "disk_usage", one_gigabyte)
    with pytest.raises(SetupError, match=r"1\.0 GB free"):
        install_pack(pack, engines_dir=tmp_path)


def test_a_missing_uv_is_told(pack: EnginePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "read_processor", lambda: processor_with(*pack.cpu_flags))
    with pytest.raises(SetupError, match="uv is missing"):
        install_pack(pack, engines_dir=tmp_path, uv=tmp_path / "uv")


def test_without_a_stamp_it_is_not_installed(pack: EnginePack, tmp_path: Path) -> None:
    environment_path(pack, engines_dir=tmp_path).mkdir()
    with pytest.raises(SetupError, match="not installed"):
        installed_environment(pack, engines_dir=tmp_path)


def test_with_a_stamp_nothing_is_done(pack: EnginePack, tmp_path: Path) -> None:
    environment = environment_path(pack, engines_dir=tmp_path)
    environment.mkdir()
    stamp = InstalledPack(
        pack=pack.name, version=pack.version, torch="2.13.0+cpu", environment=environment, size_bytes=1
    )
    (environment / STAMP).write_text(stamp.model_dump_json())
    assert install_pack(pack, engines_dir=tmp_path, uv=Path("/nowhere/uv")) == stamp
    assert installed_environment(pack, engines_dir=tmp_path) == environment


def test_locks_are_read_again_only_when_they_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("vllm==1")
    reads: list[Path] = []

    def reading(file: Path) -> bytes:
        reads.append(file)
        return real(file)

    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", reading)
    first = [locked_digest((lock,), (seen(lock),)) for _ in range(3)]
    assert len(set(first)) == 1
    assert reads == [lock]
    replacement = tmp_path / "new"
    replacement.write_text("vllm==2")
    replacement.replace(lock)
    assert locked_digest((lock,), (seen(lock),)) != first[0]
    assert reads == [lock, lock]


def test_a_changed_lock_is_another_environment(
    pack: EnginePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = environment_path(pack, engines_dir=tmp_path)
    for name in install.environment_of(pack).files:
        (tmp_path / name).write_bytes(pack.file(name).read_bytes())

    def moved(_: EnginePack, name: str) -> Path:
        return tmp_path / name

    monkeypatch.setattr(EnginePack, "file", moved)
    assert environment_path(pack, engines_dir=tmp_path) == before
    with (tmp_path / "requirements.txt").open("a") as lock:
        lock.write("# changed\n")
    assert environment_path(pack, engines_dir=tmp_path) != before
