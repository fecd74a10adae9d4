"""The tool makes what a box reads; keys are generated and never written over."""

import stat
from pathlib import Path

import pytest
import yaml

from model_catalog.updates.__main__ import main
from tests.fixtures.catalogue_entries import raw_entry


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    folder = tmp_path / "entries"
    folder.mkdir()
    (folder / "made_up.yaml").write_text(yaml.safe_dump([raw_entry("a", successor="sails-guide"), raw_entry("b")]))
    return folder


def sign(tmp_path: Path, entries: Path, *more: str) -> int:
    given = ["sign", str(entries), "--key", str(tmp_path / "keys" / "catalogue.key"), "--sequence", "7"]
    return main([*given, "--out", str(tmp_path / "update"), *more])


def test_keys_update_and_check(tmp_path: Path, entries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys"
    assert main(["keys", str(keys)]) == 0
    assert stat.S_IMODE((keys / "catalogue.key").stat().st_mode) == 0o600
    assert sign(tmp_path, entries, "--expires", "2999-01-01T00:00:00+00:00") == 0
    assert main(["check", str(tmp_path / "update"), "--public", str(keys / "catalogue.pub")]) == 0
    assert "Update 7 of" in capsys.readouterr().out


def test_nothing_is_written_over(tmp_path: Path, entries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys"
    assert main(["keys", str(keys)]) == 0
    before = (keys / "catalogue.key").read_bytes()
    assert main(["keys", str(keys)]) == 1
    assert (keys / "catalogue.key").read_bytes() == before
    assert sign(tmp_path, entries) == 0
    assert sign(tmp_path, entries) == 1
    assert "Nothing is written over" in capsys.readouterr().err


def test_without_a_key_nothing_is_signed(tmp_path: Path, entries: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sign(tmp_path, entries) == 1
    assert "does not hold a private key" in capsys.readouterr().err
    assert not (tmp_path / "update").exists()


def test_entries_that_a_box_would_refuse_are_not_signed(
    tmp_path: Path, entries: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["keys", str(tmp_path / "keys")])
    (entries / "made_up.yaml").write_text(yaml.safe_dump([raw_entry("a", successor="nobody")]))
    assert sign(tmp_path, entries) == 1
    assert "there is no `nobody`" in capsys.readouterr().err


def test_a_time_without_a_zone_is_refused(tmp_path: Path, entries: Path) -> None:
    with pytest.raises(SystemExit):
        sign(tmp_path, entries, "--expires", "2999-01-01")
