"""The order of syncs and renames, recorded: whatever a name points at is on the disk before the name is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.weights.store import WeightStore

Step = tuple[str, str]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Every sync, rename and link of this process, as (what, resolved path at that moment)."""
    recorded: list[Step] = []

    def syncing(real: Callable[[int], None]) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            real(descriptor)
            recorded.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

        return sync

    def naming(what: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def name(source: Any, target: Any, *args: Any, **options: Any) -> Any:
            recorded.append((f"{what} from", str(source)))
            recorded.append((what, str(target)))
            return real(source, target, *args, **options)

        return name

    monkeypatch.setattr(os, "fsync", syncing(os.fsync))
    for what in ("rename", "replace", "link"):
        monkeypatch.setattr(os, what, naming(what, getattr(os, what)))
    return recorded


def test_nothing_gets_its_name_before_it_is_on_the_disk(steps: list[Step], model_folder: Path, tmp_path: Path) -> None:
    store = WeightStore(tmp_path / "weights")
    published = store.publish(model_folder)
    version = str(published.path)
    named = steps.index(("rename", version))
    before, after = steps[:named], steps[named:]
    tree = before[-1][1]
    blobs = sorted(str(path) for path in store.blobs.digests().values())
    assert sorted(path for what, path in before if what == "replace" and "/blobs/" in path) == blobs
    for position, (what, path) in enumerate(before):
        if what == "replace from" and path.endswith(".part"):
            assert ("sync", path) in before[:position]  # the bytes, before the blob has its name
    for blob in blobs:
        placed = before.index(("replace", blob))
        assert ("sync", str(Path(blob).parent)) in before[placed:]  # and the name, before the version counts on it
    assert ("sync", f"{tree}/1_Pooling") in before
    last_link = max(position for position, (what, _) in enumerate(before) if what == "link")
    assert ("sync", tree) in before[last_link:]
    manifest = before.index(("replace", f"{tree}/MANIFEST.json"))
    assert manifest > last_link
    assert ("sync", tree) in before[manifest:]
    assert ("sync", str(store.versions_folder)) in after
    for folder in (store.versions_folder, store.blobs.root):
        assert ("sync", str(folder.parent)) in before  # new folders have names too
