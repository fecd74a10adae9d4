"""Following a log through rotation, and naming the logs that there are."""

from pathlib import Path

import pytest

from appliance.base.errors import NotFound
from appliance.base.paths import Home
from installer.log_files import Followed, LogFile, log_files


def test_only_new_whole_lines_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text("old\n")
    followed = Followed(LogFile("api", path))
    with path.open("a") as log:
        log.write("new\nhal")
        log.flush()
        assert followed.new_lines() == ["new"]
        log.write("f\n")
        log.flush()
    assert followed.new_lines() == ["half"]


def test_a_rotated_file_is_followed_on(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text("")
    followed = Followed(LogFile("api", path))
    with path.open("a") as log:
        log.write("last of the old\n")
    path.rename(tmp_path / "api.log.1")
    path.write_text("first of the new\n")
    assert followed.new_lines() == ["last of the old", "first of the new"]


def test_an_unknown_service_names_the_known_ones(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.logs.mkdir()
    (home.logs / "gateway.log").write_text("")
    with pytest.raises(NotFound) as caught:
        log_files(home, service="gatway")
    assert "gateway" in (caught.value.hint or "")
