from pathlib import Path

from appliance.base import clock
from appliance.base.contracts.snapshot import Snapshot
from control_plane.reconcilers.snapshot import next_version, read_snapshot


def test_versions_rise_also_when_the_file_is_lost() -> None:
    assert next_version(Snapshot(version=clock.unix_seconds() + 1000)) == clock.unix_seconds() + 1001
    assert next_version(None) >= 1_700_000_000


def test_a_damaged_file_reads_as_none(tmp_path: Path) -> None:
    path = tmp_path / "gateway.json"
    assert read_snapshot(path) is None
    path.write_text('{"format": 1')
    assert read_snapshot(path) is None
