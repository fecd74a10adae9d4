"""Asking a running engine over its unix socket: is it healthy, and how busy is it."""

import http.client
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from appliance.engines.pack import MetricNames, Probe


class EngineLoad(BaseModel):
    """One schema for all engines. Counters count since the engine's start; `kv_cache_usage` is 0 to 1, or not told."""

    model_config = ConfigDict(frozen=True)

    running: int
    waiting: int
    kv_cache_usage: float | None
    prompt_tokens: int
    generation_tokens: int


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, *, timeout_seconds: float) -> None:
        super().__init__("engine", timeout=timeout_seconds)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def is_healthy(endpoint: Path, *, probe: Probe, timeout_seconds: float = 5.0) -> bool:
    """False when the engine does not answer, answers late, or says that it is ill."""
    try:
        return _get(endpoint, probe.health_path, timeout_seconds)[0] == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def read_load(endpoint: Path, *, probe: Probe, timeout_seconds: float = 5.0) -> EngineLoad | None:
    """The engine's own figures, or None when it does not answer."""
    try:
        status, body = _get(endpoint, probe.metrics_path, timeout_seconds)
    except (OSError, http.client.HTTPException):
        return None
    return parse_load(body.decode(), names=probe.metrics) if status == http.client.OK else None


def parse_load(text: str, *, names: MetricNames) -> EngineLoad:
    """Sum the series of Prometheus' text format (one line per label set) that the pack names; absent ones are 0."""
    totals: dict[str, float] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        series, _, value = line.rpartition(" ")
        name = series.partition("{")[0]
        totals[name] = totals.get(name, 0.0) + float(value)
    counts = names.model_dump(exclude={"kv_cache_usage"})
    return EngineLoad(
        kv_cache_usage=totals.get(names.kv_cache_usage, 0.0) if names.kv_cache_usage else None,
        **{figure: int(totals.get(series, 0.0)) for figure, series in counts.items()},
    )


def _get(endpoint: Path, path: str, timeout_seconds: float) -> tuple[int, bytes]:
    connection = _UnixConnection(endpoint, timeout_seconds=timeout_seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
