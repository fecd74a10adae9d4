"""Readiness probes: each service's own proof that it does its work, as data with one method.

A probe answers None when ready, else a short sentence that says what is missing yet.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from appliance.base.paths import Home
from appliance.base.secret_files import Secret, read_secret

PROBE_SECONDS = 5.0


class Probe(Protocol):
    def __call__(self) -> str | None: ...


@dataclass(frozen=True)
class Runs:
    """For processes that serve nobody: that the supervisor sees them run is all there is to see from outside."""

    def __call__(self) -> str | None:
        return None


@dataclass(frozen=True)
class PostgresAnswers:
    socket_dir: Path
    programs: Path

    def __call__(self) -> str | None:
        asked = subprocess.run(
            [str(self.programs / "pg_isready"), "--host", str(self.socket_dir), "--timeout=3"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PROBE_SECONDS,
        )
        return None if asked.returncode == 0 else asked.stdout.strip().rpartition(" - ")[2] or "no answer"


@dataclass(frozen=True)
class RedisAnswers:
    """Asked through `redis-py`, which loads late: the command line must not wait for it."""

    home: Home

    def __call__(self) -> str | None:
        import redis  # noqa: PLC0415  heavy; only this probe needs it

        client = redis.Redis(
            unix_socket_path=str(self.home.redis_socket),
            password=read_secret(self.home, Secret.REDIS_PASSWORD),
            socket_timeout=PROBE_SECONDS,
        )
        try:
            client.ping()  # pyright: ignore[reportUnknownMemberType]  upstream leaves its options untyped
        except redis.RedisError as error:
            return str(error)
        finally:
            client.close()
        return None


@dataclass(frozen=True)
class HttpAnswers:
    """GET /healthz over a unix socket."""

    socket: Path

    def __call__(self) -> str | None:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket)), timeout=PROBE_SECONDS) as client:
            return problem_of(client, "http://localhost/healthz")


@dataclass(frozen=True)
class GatewayAnswers:
    """GET /healthz through the public port."""

    url: str
    verify: bool = True

    def __call__(self) -> str | None:
        with httpx.Client(timeout=PROBE_SECONDS, trust_env=False, verify=self.verify) as client:
            return problem_of(client, f"{self.url}/healthz")


@dataclass(frozen=True)
class RayAnswers:
    """Serve's REST API, the one part of Ray's dashboard that we keep, answers to the token."""

    home: Home
    url: str

    def __call__(self) -> str | None:
        headers = {"Authorization": f"Bearer {read_secret(self.home, Secret.RAY_TOKEN)}"}
        with httpx.Client(timeout=PROBE_SECONDS, trust_env=False, headers=headers) as client:
            return problem_of(client, f"{self.url}/api/serve/applications/")


def problem_of(client: httpx.Client, url: str) -> str | None:
    try:
        answer = client.get(url)
    except httpx.HTTPError as error:
        return type(error).__name__
    return None if answer.is_success else f"HTTP {answer.status_code}"
