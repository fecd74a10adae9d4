"""Nudges are best effort."""

from pathlib import Path

from appliance.base.paths import Home
from appliance.base.secret_files import Secret, ensure_secret
from appliance.base.settings import Settings
from control_plane.database.nudge import make_redis, nudge_publisher


def test_no_redis_is_no_error(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path})
    Home(tmp_path).secrets.mkdir()
    ensure_secret(Home(tmp_path), Secret.REDIS_PASSWORD)
    publish = nudge_publisher(make_redis(settings))
    assert publish("snapshot") is None
