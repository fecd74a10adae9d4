import gzip
import io
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.base.errors import ApplianceError, BadRequest
from appliance.weights import archives
from appliance.weights.compression import MODULES, is_there
from appliance.weights.store import WeightStore


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "weights")


def pack(folder: Path, target: Path, *, mode: str = "w", arcname: str = "model") -> Path:
    with tarfile.open(target, mode) as archive:  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]
        archive.add(folder, arcname=arcname)  # pyright: ignore[reportUnknownMemberType]
    return target


def with_member(folder: Path, target: Path, change: Callable[[tarfile.TarInfo], None], content: bytes = b"") -> Path:
    """A sound archive and one member more, which `change` makes bad."""
    with tarfile.open(target, "w") as archive:
        archive.add(folder, arcname=".")
        member = tarfile.TarInfo("extra.json")
        member.size = len(content)
        change(member)
        archive.addfile(member, io.BytesIO(content))
    return target


def refusal(store: WeightStore, archive: Path) -> str:
    with pytest.raises(BadRequest) as caught:
        store.publish(archive)
    assert store.versions() == ()
    assert [path for path in store.root.rglob("*") if path.is_file() and path.name != ".lock"] == []
    return caught.value.message


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("arcname", ["model", "."])
def test_an_archive_is_the_version_that_its_folder_would_be(
    store: WeightStore, model_folder: Path, tmp_path: Path, mode: str, arcname: str
) -> None:
    archive = pack(model_folder, tmp_path / "model.tar", mode=mode, arcname=arcname)
    published = store.publish(archive)
    assert published.digest == WeightStore(tmp_path / "other").publish(model_folder).digest
    assert [name.rsplit("/", 1)[-1] for name in published.left_out] == ["picture.png"]
    assert store.verify(published.digest) == []
    assert list(store.staging.iterdir()) == []


def test_zstd_needs_a_library_and_says_so(store: WeightStore, tmp_path: Path) -> None:
    if any(is_there(module) for module in MODULES):
        pytest.skip("this Python has zstd; the refusal is for those that have not")
    archive = tmp_path / "model.tar.zst"
    archive.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    assert "no library" in refusal(store, archive)


def test_zstd_is_read_where_there_is_a_library(store: WeightStore, model_folder: Path, tmp_path: Path) -> None:
    module = next((name for name in MODULES if is_there(name)), None)
    if module is None:
        pytest.skip("neither compression.zstd nor backports.zstd is installed")
    zstd = pytest.importorskip(module)
    plain = pack(model_folder, tmp_path / "model.tar")
    packed = tmp_path / "model.tar.zst"
    packed.write_bytes(zstd.compress(plain.read_bytes()))
    assert store.publish(packed).digest == store.publish(plain).digest


def rename(name: str) -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        member.name = name

    return change


def of_kind(kind: bytes, target: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        member.type = kind
        member.linkname = target

    return change


def with_sparse_record(member: tarfile.TarInfo) -> None:
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**50)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename("../outside.json"), "leads out"),
        (rename("a/../../outside.json"), "leads out"),
        (rename("/etc/outside.json"), "leads out"),
        (rename("a\\..\\b.json"), "leads out"),
        (rename("/".join("a" * 20) + ".json"), "too deep"),
        (rename("a" * 2000 + ".json"), "too long"),
        (rename("x/\udcff.json"), "not UTF-8"),
        (rename("config.json"), "twice"),
        (rename("CONFIG.json"), "twice"),
        (rename("config.json/inner.json"), "twice"),
        (of_kind(tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (of_kind(tarfile.LNKTYPE, "config.json"), "is a link"),
        (of_kind(tarfile.CHRTYPE), "device"),
        (of_kind(tarfile.BLKTYPE), "device"),
        (of_kind(tarfile.FIFOTYPE), "device"),
        (rename("weights.bin"), "pickle"),
        (rename("modeling.py"), "program code"),
    ],
)
def test_what_no_honest_archive_has_refuses_it_whole(
    store: WeightStore, model_folder: Path, tmp_path: Path, change: Callable[[tarfile.TarInfo], None], words: str
) -> None:
    assert words in refusal(store, with_member(model_folder, tmp_path / "bad.tar", change))


def test_sparse_members_are_refused(store: WeightStore, model_folder: Path, tmp_path: Path) -> None:
    archive = with_member(model_folder, tmp_path / "bad.tar", with_sparse_record, b"1\n0\n5\n" + bytes(506))
    assert "sparse" in refusal(store, archive)


def test_a_bomb_is_refused(
    store: WeightStore, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 1024 * 1024)
    (model_folder / "zeros.txt").write_bytes(bytes(16 * 1024 * 1024))
    assert "200-fold" in refusal(store, pack(model_folder, tmp_path / "bomb.tar.gz", mode="w:gz"))


def test_a_header_that_wants_much_memory_is_refused(store: WeightStore, tmp_path: Path) -> None:
    """A pax record of 100 MiB of zeros, which packs into 100 KiB."""
    record = tarfile.TarInfo("././@PaxHeader")
    record.type, record.size = tarfile.XHDTYPE, 100 * 1024 * 1024
    path = tmp_path / "bad.tar.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(record.tobuf())
        stream.write(bytes(record.size))
    assert "1 MiB" in refusal(store, path)


def test_too_many_members_are_refused(
    store: WeightStore, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    assert "more than 3 members" in refusal(store, pack(model_folder, tmp_path / "many.tar"))


def test_a_cut_archive_is_refused(store: WeightStore, model_folder: Path, tmp_path: Path) -> None:
    whole = pack(model_folder, tmp_path / "model.tar").read_bytes()
    for length in (0, 100, 700, len(whole) // 2):
        cut = tmp_path / f"cut-{length}.tar"
        cut.write_bytes(whole[:length])
        assert "archive" in refusal(store, cut).casefold()


def test_a_pickle_after_the_weights_leaves_nothing(store: WeightStore, model_folder: Path, tmp_path: Path) -> None:
    (model_folder / "vocab.txt").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert "is a pickle" in refusal(store, pack(model_folder, tmp_path / "bad.tar"))
    assert store.blobs.digests() == {}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=40)), min_size=1, max_size=4))
def test_altered_archives_are_taken_or_refused_but_never_crash(
    tmp_path: Path, model_folder: Path, cuts: list[tuple[int, bytes]]
) -> None:
    content = bytearray(pack(model_folder, tmp_path / "model.tar").read_bytes())
    for place, patch in cuts:
        content[place % len(content) : place % len(content) + len(patch)] = patch
    altered = tmp_path / "altered.tar"
    altered.write_bytes(content)
    store = WeightStore(tmp_path / "weights")
    with suppress(ApplianceError):
        assert store.verify(store.publish(altered).digest) == []
