"""Where an artifact lies, as it stands in a job's spec. Never a password: that one is a file of the home."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """Unknown fields are let through: N and N-1 read each other's jobs."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RegistryPlace(Payload):
    """`reference` is `host[:port]/repository[:tag|@digest]`."""

    reference: str
    plain_http: bool = False
    ca_file: Path | None = None
    user: str = ""

    @property
    def host(self) -> str:
        return self.reference.partition("/")[0].lower()

    @property
    def url(self) -> str:
        return f"{'http' if self.plain_http else 'https'}://{self.host}/"


class ModelPackPlace(Payload):
    """`places` on the box (an OCI layout, a tar of one, or volumes), or a `registry`."""

    places: tuple[Path, ...] = ()
    registry: RegistryPlace | None = None
    tag: str = ""
    unsigned: bool = False
