"""Settings: the environment, prefix `APPLIANCE_`, groups split by `__` (`APPLIANCE_HTTP__PORT=8080`).

Built once per entry point by `load_settings` and passed down. A misspelt variable is an error at start. Secrets are
never settings: they are files under the home's `secrets/`.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from appliance.base.errors import SetupError
from appliance.base.paths import Home, default_home

PREFIX = "APPLIANCE_"


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def networks_of(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


class HttpSettings(Group):
    bind: str = Field("127.0.0.1", description="Address the front door listens on; anything but loopback needs TLS.")
    port: int | None = Field(None, ge=1, le=65535, description="Public port; unset takes 8080 or the next free one.")
    tls_certificate: Path | None = Field(None, description="PEM file with certificate chain and private key.")
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="Largest request body that is read.")
    secure_cookies: bool = Field(False, description="Mark session cookies Secure; switched on when TLS is on.")
    base_path: str = Field("", description="Path prefix under which a proxy in front publishes the appliance.")
    trusted_proxies: str = Field(
        "",
        description="Networks (CIDR), comma-separated, of proxies whose X-Forwarded-For counts where API and gateway "
        "listen on TCP (in a pod); the front door's always counts.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def check_networks(cls, text: str) -> str:
        for network in networks_of(text):
            ip_network(network)
        return text

    @property
    def proxies(self) -> tuple[str, ...]:
        return networks_of(self.trusted_proxies)


class GatewaySettings(Group):
    refresh_seconds: float = Field(1.0, gt=0, le=60, description="How often snapshot and replica table are re-read.")
    connect_timeout_seconds: float = Field(2.0, gt=0, description="Limit for reaching an engine.")
    first_byte_timeout_seconds: float = Field(300.0, gt=0, description="Limit for an engine's first byte.")
    client_body_timeout_seconds: float = Field(60.0, gt=0, description="Limit for the arrival of a whole request body.")
    client_write_timeout_seconds: float = Field(30.0, gt=0, description="A client that reads nothing this long is cut.")
    ping_seconds: float = Field(
        10.0, gt=0, description="A stream that has nothing to say yet sends a comment each so long, from then on."
    )
    media_hosts: str = Field(
        "", description="Hosts, comma-separated, from which engines may fetch media; `*.example.com` takes those below."
    )
    max_concurrent_requests: int = Field(1024, ge=1, description="Above this the gateway answers 503 with Retry-After.")
    requests_per_replica: int = Field(
        256, ge=1, description="Requests that a replica is given at once where its engine pack does not say."
    )
    queue_length: int = Field(512, ge=0, description="Requests that may wait for a model; beyond it is 503.")
    queue_wait_seconds: float = Field(60.0, gt=0, description="Longest wait for a place at a busy model; then 503.")
    wake_wait_seconds: float = Field(300.0, gt=0, description="Longest wait for a model that sleeps; then 503.")
    shadow_requests: int = Field(8, ge=0, description="Copies for shadow targets that a gateway sends at once.")
    bad_keys_per_minute: int = Field(
        30, ge=0, description="Wrong API keys from one address before the answer is 429; 0 counts none."
    )


class EngineSettings(Group):
    dir: Path | None = Field(None, description="Where engine environments live; default is `engines` in the home.")
    cache_dir: Path | None = Field(None, description="Where engines keep what they compile; default is in the home.")
    start_timeout_seconds: float = Field(600.0, gt=0, description="Limit for an engine's start.")
    kv_cache_gib: float = Field(0.5, gt=0, description="KV cache of an engine on the CPU, in GiB.")
    drain_seconds: float = Field(30.0, ge=0, description="Grace for running requests before an engine stops.")
    serve_bundled: bool = Field(True, description="A new box serves its bundled models by itself.")


class DatabaseSettings(Group):
    url: str | None = Field(
        None,
        description="PostgreSQL URL without password (a cluster sets it); unset uses the appliance's own server.",
    )
    pool_size: int = Field(5, ge=1, description="Connections each process keeps.")


class RedisSettings(Group):
    url: str | None = Field(
        None, description="Redis URL without password (a cluster sets it); unset uses the appliance's own server."
    )


class ClusterSettings(Group):
    adapter: str = Field("local", pattern="^(local|kubernetes)$", description="Where Ray runs: local or kubernetes.")
    serve_url: str | None = Field(None, description="Ray's dashboard address; unset is the local one.")
    namespace: str = Field("default", description="Kubernetes namespace of the RayCluster.")
    ray_cluster_name: str = Field("thousand-sails", description="Name of the RayCluster object.")
    listen_host: str = Field("127.0.0.1", description="Address for `listen_port`; a pod sets 0.0.0.0.")
    listen_port: int | None = Field(
        None, ge=1, le=65535, description="API and gateway listen here instead of on their unix socket (in a pod)."
    )
    api_url: str | None = Field(None, description="Where the agent finds the admin API; unset is its unix socket.")


class JobSettings(Group):
    lease_seconds: float = Field(60.0, gt=1, description="A job whose worker is silent this long is taken over.")
    heartbeat_seconds: float = Field(15.0, gt=0, description="How often a worker renews its lease.")
    max_attempts: int = Field(3, ge=1, description="Attempts before a job fails with worker_lost.")
    backoff_seconds: float = Field(5.0, ge=0, description="Wait before the second attempt; doubled before each next.")
    republish_seconds: float = Field(
        30.0, gt=0, description="A queued job is published again after this long when the queue is empty."
    )


class ReconcileSettings(Group):
    interval_seconds: float = Field(5.0, gt=0, description="How often each reconciler looks at the world again.")


class ImportSettings(Group):
    allowed_hosts: str = Field(
        "",
        description="Hosts, comma-separated, that an import may reach though they are private or without TLS.",
    )
    huggingface_token_file: Path | None = Field(None, description="File with the token for Hugging Face.")
    modelscope_token_file: Path | None = Field(None, description="File with the token for ModelScope.")
    stall_seconds: int = Field(30, ge=1, le=3600, description="A hub that sends nothing this long is tried again.")
    attempts: int = Field(5, ge=1, le=100, description="Tries in a row without one new byte before an import fails.")

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(host.strip().casefold() for host in self.allowed_hosts.split(",") if host.strip())


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid")

    home: Path = Field(default_factory=default_home, description="The folder that holds all state.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")
    failpoint: str | None = Field(None, description="For fault tests: a named point where the process kills itself.")
    http: HttpSettings = HttpSettings()  # pyright: ignore[reportCallIssue]
    gateway: GatewaySettings = GatewaySettings()  # pyright: ignore[reportCallIssue]
    engines: EngineSettings = EngineSettings()  # pyright: ignore[reportCallIssue]
    database: DatabaseSettings = DatabaseSettings()  # pyright: ignore[reportCallIssue]
    redis: RedisSettings = RedisSettings()  # pyright: ignore[reportCallIssue]
    cluster: ClusterSettings = ClusterSettings()  # pyright: ignore[reportCallIssue]
    jobs: JobSettings = JobSettings()  # pyright: ignore[reportCallIssue]
    reconcile: ReconcileSettings = ReconcileSettings()  # pyright: ignore[reportCallIssue]
    imports: ImportSettings = ImportSettings()  # pyright: ignore[reportCallIssue]

    @property
    def paths(self) -> Home:
        return Home(self.home.expanduser().absolute())

    @property
    def engines_dir(self) -> Path:
        return self.engines.dir or self.paths.engines

    @property
    def engine_cache(self) -> Path:
        return self.engines.cache_dir or self.paths.root / "cache" / "engines"


def known_variables() -> set[str]:
    """Every environment variable that `Settings` reads, upper case, groups included."""
    names: set[str] = set()
    for name, field in Settings.model_fields.items():
        names.add(f"{PREFIX}{name.upper()}")
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            names.update(f"{PREFIX}{name.upper()}__{inner.upper()}" for inner in group.model_fields)
    return names


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment; raises SetupError naming every misspelt variable or wrong value."""
    unknown = sorted(key for key in environ if key.startswith(PREFIX) and key not in known_variables())
    if unknown:
        raise SetupError(
            f"Unknown setting: {', '.join(unknown)}.",
            hint="Check the spelling against docs/operations/settings.md, or unset it.",
        )
    try:
        return Settings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "__".join(str(part) for part in first["loc"]).upper()
        raise SetupError(
            f"Setting {name} is wrong: {first['msg']}.", hint="See docs/operations/settings.md."
        ) from error
