from pathlib import Path

import pytest
from kombu import Connection

from appliance.base.secret_files import Secret, write_secret
from appliance.base.settings import RedisSettings, Settings
from control_plane.worker.celery_app import broker_url, celery_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path)  # pyright: ignore[reportCallIssue]
    made.paths.secrets.mkdir()
    write_secret(made.paths, Secret.REDIS_PASSWORD, "a/b:c@d?e")
    return made


def test_kombu_understands_the_socket_and_its_password(settings: Settings) -> None:
    channel = Connection(broker_url(settings)).channel
    url = broker_url(settings)
    assert url.startswith("redis+socket://:a%2Fb%3Ac%40d%3Fe@/tmp/ts-")
    assert url.endswith("/redis.sock?virtual_host=0")
    assert callable(channel)


def test_a_redis_of_the_settings_gets_the_password(settings: Settings) -> None:
    remote = settings.model_copy(update={"redis": RedisSettings(url="rediss://redis.example:6380/0")})
    assert broker_url(remote) == "rediss://:a%2Fb%3Ac%40d%3Fe@redis.example:6380/0"


def test_a_message_survives_its_worker_and_is_run_by_no_pickle() -> None:
    conf = celery_settings()
    assert conf["task_acks_late"]
    assert conf["task_reject_on_worker_lost"]
    assert conf["accept_content"] == ["json"]
    assert conf["broker_transport_options"]["visibility_timeout"] == conf["visibility_timeout"]
