"""The hubs' real client libraries against a mirror on loopback."""

from pathlib import Path

import pytest

from appliance.base.errors import ApplianceError, BadRequest, Unavailable
from appliance.weights.hubs.port import CHUNK_BYTES, HubName, Repository
from appliance.weights.hubs.source import HubSource, Patience
from appliance.weights.progress import Progress
from appliance.weights.safety import Rules
from appliance.weights.store import WeightStore
from appliance.weights.urls import UrlGuard
from tests.fixtures.hub_mirror import Mirror, Mischief, running_mirror

ALLOWED = UrlGuard(frozenset({"127.0.0.1"}))
SECRET = "hf_very_secret"

both_hubs = pytest.mark.parametrize("hub", [HubName.HUGGINGFACE, HubName.MODELSCOPE])


def no_pause(_: float) -> None:
    """Instead of waiting between two attempts."""


def source_of(
    mirror: Mirror, *, hub: HubName = HubName.HUGGINGFACE, guard: UrlGuard = ALLOWED, attempts: int = 2
) -> HubSource:
    repository = Repository(hub, "maker/model", revision="main", endpoint=mirror.url, token=SECRET)
    return HubSource(repository, guard, Patience(attempts, stall_seconds=1, sleep=no_pause))


@both_hubs
def test_a_repository_becomes_the_version_that_its_folder_would(
    hub: HubName, store: WeightStore, model_folder: Path, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    with running_mirror(model_folder) as mirror:
        published = store.publish(source_of(mirror, hub=hub), progress=seen.append)
    assert published.digest == WeightStore(tmp_path / "other").publish(model_folder).digest
    assert store.verify(published.digest) == []
    assert seen[-1].done_bytes == seen[-1].total_bytes == published.total_bytes
    assert f"Bearer {SECRET}" in mirror.tokens


@both_hubs
def test_what_stands_in_the_store_is_not_fetched(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    store.publish(model_folder)
    with running_mirror(model_folder) as mirror:
        store.publish(source_of(mirror, hub=hub))
    assert "model.safetensors" not in {name for name, _ in mirror.ranges}


@both_hubs
def test_a_connection_that_dies_goes_on_where_it_was(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    mischief = Mischief(cut_after=[300_000, 400_000])
    with running_mirror(model_folder, mischief) as mirror:
        published = store.publish(source_of(mirror, hub=hub))
    starts = [start for name, start in mirror.ranges if name == "model.safetensors"]
    assert len(starts) == 3
    assert starts == sorted(starts)
    assert mirror.sent_bytes <= published.total_bytes + 2 * CHUNK_BYTES
    assert store.verify(published.digest) == []


@both_hubs
def test_a_mirror_that_stalls_is_asked_again(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    with running_mirror(model_folder, Mischief(stall_after=[500_000])) as mirror:
        published = store.publish(source_of(mirror, hub=hub))
    assert store.verify(published.digest) == []
    assert [start > 0 for name, start in mirror.ranges if name == "model.safetensors"] == [False, True]


@both_hubs
def test_another_mirror_finishes_what_the_first_began(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    with running_mirror(model_folder, Mischief(cut_after=[600_000] + [0] * 50)) as dying, pytest.raises(Unavailable):
        store.publish(source_of(dying, hub=hub, attempts=1))
    assert store.versions() == ()
    with running_mirror(model_folder) as second:
        published = store.publish(source_of(second, hub=hub))
    assert [start >= 500_000 for name, start in second.ranges if name == "model.safetensors"] == [True]
    assert store.verify(published.digest) == []


def test_a_second_attempt_fetches_only_what_was_not_verified(store: WeightStore, model_folder: Path) -> None:
    with running_mirror(model_folder, Mischief(cut_after=[600_000] + [0] * 50)) as mirror:
        with pytest.raises(Unavailable):
            store.publish(source_of(mirror, hub=HubName.MODELSCOPE, attempts=1))
        mirror.mischief.cut_after.clear()
        mirror.ranges.clear()
        published = store.publish(source_of(mirror, hub=HubName.MODELSCOPE))
    starts = [start for name, start in mirror.ranges if name == "model.safetensors"]
    assert starts[0] >= 500_000
    assert store.verify(published.digest) == []


def test_a_part_that_was_altered_meanwhile_is_fetched_anew(store: WeightStore, model_folder: Path) -> None:
    with running_mirror(model_folder, Mischief(cut_after=[600_000] + [0] * 50)) as mirror:
        with pytest.raises(Unavailable):
            store.publish(source_of(mirror, hub=HubName.MODELSCOPE, attempts=1))
        part = max(store.staging.glob("*/*.part"), key=lambda path: path.stat().st_size)
        with part.open("r+b") as stream:
            stream.write(b"other")
        mirror.mischief.cut_after.clear()
        mirror.ranges.clear()
        published = store.publish(source_of(mirror, hub=HubName.MODELSCOPE))
    assert ("model.safetensors", 0) in mirror.ranges
    assert store.verify(published.digest) == []


@both_hubs
def test_a_server_without_ranges_is_read_from_the_start(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    with running_mirror(model_folder, Mischief(cut_after=[300_000], no_ranges=True)) as mirror:
        published = store.publish(source_of(mirror, hub=hub))
    assert store.verify(published.digest) == []


@both_hubs
def test_a_lie_about_the_digest_is_refused(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    content = (model_folder / "model.safetensors").read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    with (
        running_mirror(model_folder, Mischief(serve={"model.safetensors": flipped})) as mirror,
        pytest.raises(BadRequest, match=r"model\.safetensors is damaged or another version"),
    ):
        store.publish(source_of(mirror, hub=hub))
    assert store.versions() == ()


@both_hubs
@pytest.mark.parametrize("off_by", [-1000, 1000])
def test_a_lie_about_the_length_is_refused(hub: HubName, off_by: int, store: WeightStore, model_folder: Path) -> None:
    size = (model_folder / "model.safetensors").stat().st_size
    mischief = Mischief(claim={"model.safetensors": (size + off_by, "0" * 64)})
    with running_mirror(model_folder, mischief) as mirror, pytest.raises(ApplianceError):
        store.publish(source_of(mirror, hub=hub, attempts=1))
    assert store.versions() == ()


@both_hubs
def test_pickles_and_code_are_never_fetched(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    (model_folder / "pytorch_model.bin").write_bytes(b"x")
    (model_folder / "modeling.py").write_text("import os")
    with running_mirror(model_folder) as mirror:
        published = store.publish(source_of(mirror, hub=hub), rules=Rules(leave_code_out=True))
        assert published.left_out == ("modeling.py", "pytorch_model.bin")
        assert not {name for name, _ in mirror.ranges} & {"modeling.py", "pytorch_model.bin"}
        (model_folder / "model.safetensors").unlink()
        with pytest.raises(BadRequest, match="pickle format"):
            store.publish(source_of(mirror, hub=hub))


@both_hubs
def test_a_redirect_into_the_company_is_refused(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    for target in ("http://169.254.169.254/latest/meta-data/", "http://localhost:1/x", "https://10.0.0.1/x"):
        with running_mirror(model_folder, Mischief(redirect=target)) as mirror, pytest.raises(BadRequest) as caught:
            store.publish(source_of(mirror, hub=hub, attempts=1))
        assert caught.value.error_code == "forbidden_address"


@both_hubs
def test_a_mirror_on_loopback_needs_the_admins_word(hub: HubName, store: WeightStore, model_folder: Path) -> None:
    with running_mirror(model_folder) as mirror, pytest.raises(BadRequest) as caught:
        store.publish(source_of(mirror, hub=hub, guard=UrlGuard()))
    assert caught.value.error_code == "forbidden_address"
    assert mirror.tokens == set()


@both_hubs
def test_a_refusal_of_the_hub_is_said_without_the_token(
    hub: HubName, store: WeightStore, model_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running_mirror(model_folder, Mischief(status=403)) as mirror, pytest.raises(BadRequest) as caught:
        store.publish(source_of(mirror, hub=hub))
    assert "403" in caught.value.message
    captured = capfd.readouterr()
    kept = "".join(path.read_text(errors="replace") for path in store.root.rglob("*") if path.is_file())
    for text in (caught.value.message, repr(caught.value), captured.out, captured.err, kept, repr(source_of(mirror))):
        assert SECRET not in text
