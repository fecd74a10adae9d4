"""What an import asks of a hub's client: the files of a repository, and the bytes of one from a place on."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from appliance.base.errors import BadRequest, SetupError, Unavailable

CHUNK_BYTES = 256 * 1024
"""What the clients read at once, and so what a dying connection costs: both hand on whole chunks only."""


class HubName(StrEnum):
    HUGGINGFACE = "huggingface"
    MODELSCOPE = "modelscope"


class HubBroke(Exception):
    """The connection went, stalled or ended early: try again from where we are."""


@dataclass(frozen=True)
class Repository:
    """`endpoint` None is the hub itself; a mirror is `https://host[/path]`. The token never shows."""

    hub: HubName
    name: str
    revision: str | None = None
    endpoint: str | None = None
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        place = f" at {self.endpoint}" if self.endpoint else ""
        return f"{self.hub} {self.name}@{self.revision or 'default'}{place}"


@dataclass(frozen=True)
class RemoteFile:
    """`identity` changes when the content does; `sha256` is empty where the hub names none."""

    path: str
    bytes: int
    identity: str
    sha256: str = ""


@dataclass(frozen=True)
class Listing:
    """`commit` pins what is fetched, so that a push in the middle of an import mixes nothing."""

    commit: str
    files: tuple[RemoteFile, ...]


class Sink(Protocol):
    """Where the bytes go: a file opened for writing, as the clients see one."""

    def write(self, chunk: bytes, /) -> int: ...

    def tell(self) -> int: ...

    def seek(self, position: int, /) -> int: ...

    def truncate(self) -> int: ...


class Hub(Protocol):
    def listing(self) -> Listing:
        """Raises Unavailable where the hub does not answer, BadRequest where it says no."""
        ...

    def fetch(self, file: RemoteFile, *, commit: str, sink: Sink, start: int) -> None:
        """Write the file's bytes from `start` on; raises HubBroke when that ended early."""
        ...


def not_installed(library: str) -> SetupError:
    return SetupError(
        f"The client library {library} is not installed, so this hub cannot be reached.",
        hint="Install the appliance with its `hubs` extra, or bring the model as a folder or an archive.",
    )


def said_no(repository: Repository, reason: str) -> BadRequest:
    return BadRequest(
        f"{repository} cannot be had: {reason[:300]}",
        hint="Check the name and the revision; a gated model needs a token file and the publisher's agreement.",
        param="repository",
        code="hub_refused",
    )


def no_answer(repository: Repository, reason: str) -> Unavailable:
    return Unavailable(
        f"{repository} does not answer: {reason[:300]}",
        hint="Check the network and the mirror's address; start the import again, it goes on where it was.",
        code="hub_unreachable",
    )
