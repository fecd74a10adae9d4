import os
import time
from pathlib import Path

import pytest

from appliance.weights.arrivals import arrival_of
from appliance.weights.modelpack.arrival import Arrival as ArtifactArrival
from appliance.weights.modelpack.paths import Layer
from appliance.weights.store import WeightStore
from appliance.weights.upkeep import STALE_SECONDS, YOUNG_SECONDS, collect, store_use


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "weights")


def make_older(path: Path, seconds: float) -> None:
    then = time.time() - seconds - 60
    os.utime(path, (then, then))


def publish_two(store: WeightStore, model_folder: Path) -> tuple[str, str]:
    """Two versions that share all but their config.json, both older than an hour."""
    first = store.publish(model_folder)
    (model_folder / "config.json").write_text('{"other": "config"}')
    second = store.publish(model_folder)
    for published in (first, second):
        make_older(published.path, YOUNG_SECONDS)
    return first.digest, second.digest


def test_shared_blobs_are_counted_once_and_told_apart(store: WeightStore, model_folder: Path) -> None:
    publish_two(store, model_folder)
    use = store_use(store)
    for version in use.versions:
        assert version.own_bytes + version.shared_bytes == version.total_bytes
        assert 0 < version.own_bytes < 60 < version.shared_bytes
    shared = use.versions[0].shared_bytes
    assert use.stored_bytes == shared + sum(version.own_bytes for version in use.versions)
    assert (use.orphan_bytes, use.arriving_bytes) == (0, 0)


def test_a_version_that_nobody_names_goes_with_its_own_blobs_only(store: WeightStore, model_folder: Path) -> None:
    first, second = publish_two(store, model_folder)
    own = next(version.own_bytes for version in store_use(store).versions if version.digest == first)
    planned = collect(store, keep={second}, dry_run=True)
    assert store.versions() == tuple(sorted((first, second)))
    done = collect(store, keep={second})
    assert done == planned
    assert (done.versions, done.freed_bytes) == ((first,), own)
    assert store.versions() == (second,)
    assert store.verify(second) == []
    assert list(store.staging.iterdir()) == []


def test_a_version_that_was_published_a_moment_ago_is_spared(store: WeightStore, model_folder: Path) -> None:
    published = store.publish(model_folder)
    assert collect(store, keep=set()).versions == ()
    make_older(published.path, YOUNG_SECONDS)
    store.publish(model_folder)  # once more: young again
    assert collect(store, keep=set()).versions == ()


def test_what_an_import_has_placed_is_spared_until_its_arrival_is_a_week_old(
    store: WeightStore, model_folder: Path
) -> None:
    digest = store.blobs.add(place_ready(store, model_folder / "tokenizer.json"), advance=lambda _: None)
    with arrival_of("some source", staging=store.staging, on_wait=lambda: None) as arrival:
        arrival.journal.note("tokenizer.json", digest)
        make_older(arrival.folder, STALE_SECONDS)
        assert collect(store, keep=None).blobs == ()  # it is under way
    arrival.folder.touch()
    assert collect(store, keep=None).blobs == ()  # it broke off and may go on
    make_older(arrival.folder, STALE_SECONDS)
    done = collect(store, keep=None)
    assert (done.blobs, done.arrivals) == ((digest,), (arrival.folder.name,))
    assert store.blobs.digests() == {}


def test_a_version_is_spared_while_it_is_read(store: WeightStore, model_folder: Path) -> None:
    first, second = publish_two(store, model_folder)
    with store.reading(first):
        assert collect(store, keep=set()).versions == (second,)
        assert store.verify(first) == []
    assert collect(store, keep=set()).versions == (first,)


def test_what_an_artifact_brought_waits_a_week_and_is_not_taken_from_an_import(
    store: WeightStore, model_folder: Path
) -> None:
    """A borrowed blob is held by its link, an arrival by its lock."""
    published = store.publish(model_folder)
    arrival = ArtifactArrival(store, "a" * 64)
    with arrival.exclusively():
        borrowed = next(iter(store.blobs.digests()))
        layer = Layer("f", borrowed, store.blobs.path(borrowed).stat().st_size, "")
        assert arrival.borrow(layer)
        (arrival.root / "b.part").write_bytes(b"half")
        make_older(arrival.root, STALE_SECONDS)
        make_older(published.path, YOUNG_SECONDS)
        done = collect(store, keep=set())
        assert (done.versions, done.arrivals) == ((published.digest,), ())
        assert borrowed not in done.blobs
        assert store_use(store).arriving_bytes == 4
    arrival.root.touch()
    assert collect(store, keep=None).arrivals == ()
    make_older(arrival.root, STALE_SECONDS)
    assert collect(store, keep=None).arrivals == (arrival.root.name,)
    assert list(store.arriving.iterdir()) == []
    assert collect(store, keep=None).blobs == (borrowed,)


def place_ready(store: WeightStore, path: Path) -> Path:
    store.staging.mkdir(parents=True)
    return path


def test_orphans_go_and_an_empty_store_is_no_error(store: WeightStore, model_folder: Path) -> None:
    assert collect(store, keep=set()).blobs == ()
    assert store_use(store).stored_bytes == 0
    digest = store.blobs.add(model_folder / "tokenizer.json", advance=lambda _: None)
    assert store_use(store).orphan_bytes == 2
    assert collect(store, keep=None).blobs == (digest,)
