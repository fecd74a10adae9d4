"""Marks in a process's environment."""

import pytest

from appliance.base.child_env import HOME_MARK, SERVICE_MARK
from installer.supervision.strays import parse_marks


@pytest.mark.parametrize(
    ("raw", "marks"),
    [
        (b"PATH=/bin\0TS_HOME_KEY=0a\0TS_SERVICE=ray\0", {HOME_MARK: "0a", SERVICE_MARK: "ray"}),
        (b"PATH=/bin\0NOT_TS_HOME_KEY=0a\0", {}),
        (b"", {}),
        (b"\0\0\0ray::IDLE\0", {}),
    ],
)
def test_parse_marks(raw: bytes, marks: dict[str, str]) -> None:
    assert parse_marks(raw) == marks
