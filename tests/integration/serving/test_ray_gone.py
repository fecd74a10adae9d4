"""When Ray goes, however it goes, no part of an engine stays behind."""

import signal

import psutil
import pytest

from tests.fixtures.serving import ServingBox, no_engine_left


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_no_engine_outlives_ray(serving_box: ServingBox, end: signal.Signals) -> None:
    if serving_box.ray.poll() is not None:
        serving_box.restart_ray()
    spec = serving_box.spec()
    serving_box.put(spec)
    record = serving_box.wait_ready(spec)[0]
    serving_box.ray.send_signal(end)
    serving_box.ray.wait(timeout=60)
    no_engine_left(serving_box.home)
    assert not psutil.pid_exists(record.engine_pid)
