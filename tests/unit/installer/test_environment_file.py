"""`appliance.env`: which lines are read, and which are refused with a sentence."""

from pathlib import Path

import pytest

from appliance.base.errors import SetupError
from installer.environment_file import parse_environment_file


def written(folder: Path, text: str) -> Path:
    path = folder / "appliance.env"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("APPLIANCE_LOG_LEVEL=DEBUG", "DEBUG"),
        ("APPLIANCE_LOG_LEVEL = DEBUG", "DEBUG"),
        ("export APPLIANCE_LOG_LEVEL=DEBUG", "DEBUG"),
        ("APPLIANCE_LOG_LEVEL='a b'", "a b"),
        ('APPLIANCE_LOG_LEVEL="a # b"', "a # b"),
        ("APPLIANCE_LOG_LEVEL=DEBUG # a comment", "DEBUG"),
        ("APPLIANCE_LOG_LEVEL=$HOME", "$HOME"),
        ("APPLIANCE_LOG_LEVEL=", ""),
    ],
)
def test_one_line(tmp_path: Path, line: str, value: str) -> None:
    assert parse_environment_file(written(tmp_path, line)) == {"APPLIANCE_LOG_LEVEL": value}


def test_comments_and_empty_lines_say_nothing(tmp_path: Path) -> None:
    assert parse_environment_file(written(tmp_path, "# a comment\n\n")) == {}


@pytest.mark.parametrize("line", ["PATH=/tmp", "APPLIANCE_LOG_LEVEL", "log_level=DEBUG"])
def test_anything_else_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(SetupError, match="may hold only lines like"):
        parse_environment_file(written(tmp_path, line))


def test_the_home_cannot_be_said_inside_the_home(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="it lies in it"):
        parse_environment_file(written(tmp_path, "APPLIANCE_HOME=/elsewhere"))
