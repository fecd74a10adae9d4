"""One home, one runtime folder; two homes never meet."""

from pathlib import Path

import pytest

from appliance.base.errors import SetupError
from appliance.base.paths import Home


def test_two_homes_have_two_runtime_folders(tmp_path: Path) -> None:
    assert Home(tmp_path / "a").run != Home(tmp_path / "b").run


def test_socket_paths_leave_ray_its_63_characters(tmp_path: Path) -> None:
    deep = Home(tmp_path / ("x" * 80) / ("y" * 80))
    assert len(str(deep.ray_temp)) <= 107 - 63


def test_ensure_refuses_a_runtime_folder_open_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.run.mkdir(mode=0o755)
    try:
        with pytest.raises(SetupError, match="open to others"):
            home.ensure()
    finally:
        for folder in (home.engine_sockets, home.run):
            folder.rmdir()


def test_ensure_makes_private_folders(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.ensure()
    try:
        assert home.secrets.stat().st_mode & 0o777 == 0o700
        home.ensure()
    finally:
        for folder in (home.engine_sockets, home.run):
            folder.rmdir()
