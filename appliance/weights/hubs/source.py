"""A repository of a hub as a source: what of it is fetched, and how a fetch goes on after a break."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from appliance.base.errors import BadRequest, Unavailable
from appliance.weights.hubs.huggingface import HuggingFaceHub
from appliance.weights.hubs.modelscope import ModelScopeHub
from appliance.weights.hubs.port import Hub, HubBroke, HubName, Listing, RemoteFile, Repository, no_answer, said_no
from appliance.weights.intake import Desk, Wanted
from appliance.weights.parts import Part
from appliance.weights.safety import PICKLE_SUFFIXES, WEIGHT_SUFFIXES, belongs, refused
from appliance.weights.urls import UrlGuard

MOST_FILES = 20_000
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Patience:
    """`attempts` in a row without one new byte end an import; `sleep` waits between them."""

    attempts: int = 5
    stall_seconds: int = 30
    sleep: Callable[[float], None] = field(default=time.sleep)


@dataclass(frozen=True)
class HubSource:
    """Pickles and program code are never fetched, so they cannot hide beside the weights."""

    repository: Repository
    guard: UrlGuard = field(default_factory=UrlGuard)
    patience: Patience = Patience()

    @property
    def name(self) -> str:
        """Without the endpoint: what one mirror began, another may finish."""
        repository = self.repository
        return f"{repository.hub} {repository.name}@{repository.revision or 'default'}"

    def deliver(self, desk: Desk) -> tuple[str, ...]:
        if self.repository.endpoint is not None:
            self.guard.check_and_resolve(self.repository.endpoint)
        with self.guard.around_connections():
            hub = connect(self.repository, self.guard, self.patience)
            listing = self.persist(hub.listing)
            taken, left_out = split(listing, self.repository)
            files = {file.path: file for file in taken}
            wanted = desk.chosen([self.wanted(file) for file in taken])
            desk.announce(wanted)
            for file in wanted:
                if not desk.take_known(file):
                    self.fetch(files[file.path], file, hub=hub, commit=listing.commit, desk=desk)
        return left_out

    def wanted(self, file: RemoteFile) -> Wanted:
        """The endpoint is no part of the key: what one mirror began, another may finish, as the digest decides."""
        repository = self.repository
        key = f"{repository.hub}|{repository.name}|{file.path}|{file.bytes}|{file.identity}"
        return Wanted(file.path, key=key, bytes=file.bytes, sha256=file.sha256)

    def persist(self, ask: Callable[[], Listing]) -> Listing:
        failed = 0
        while True:
            try:
                return ask()
            except (HubBroke, Unavailable) as error:
                failed += 1
                self.wait_or_give_up(failed, str(error))

    def fetch(self, file: RemoteFile, wanted: Wanted, *, hub: Hub, commit: str, desk: Desk) -> None:
        failed = 0
        with desk.part(wanted) as part:
            while not part.is_whole:
                before = part.n_bytes
                try:
                    hub.fetch(file, commit=commit, sink=PartSink(part), start=before)
                    reason = "it ended early"
                except HubBroke as error:
                    reason = str(error)
                except BadRequest as error:
                    if error.error_code == "wrong_length":
                        part.restart()
                    raise
                part.keep()
                if not part.is_whole:
                    failed = 0 if part.n_bytes > before else failed + 1
                    desk.meter.tell(note=f"trying again: {reason}")
                    self.wait_or_give_up(failed, f"{file.path}: {reason}")
            desk.accept(wanted, part)

    def wait_or_give_up(self, failed: int, reason: str) -> None:
        """Wait twice as long each time; raises Unavailable after the last attempt."""
        if failed >= self.patience.attempts:
            raise no_answer(self.repository, reason)
        self.patience.sleep(min(2.0**failed / 2, LONGEST_WAIT_SECONDS))


class PartSink:
    """A part as the clients see a file. They seek only to begin anew, when a server ignored the range."""

    def __init__(self, part: Part) -> None:
        self.part = part

    def write(self, chunk: bytes, /) -> int:
        return self.part.write(chunk)

    def tell(self) -> int:
        return self.part.n_bytes

    def seek(self, position: int, /) -> int:
        if position != self.part.n_bytes:
            self.part.restart()
        return self.part.n_bytes

    def truncate(self) -> int:
        return self.part.n_bytes


def connect(repository: Repository, guard: UrlGuard, patience: Patience) -> Hub:
    if repository.hub is HubName.HUGGINGFACE:
        return HuggingFaceHub(repository, guard=guard, stall_seconds=patience.stall_seconds)
    return ModelScopeHub(repository, guard=guard, stall_seconds=patience.stall_seconds)


def split(listing: Listing, repository: Repository) -> tuple[list[RemoteFile], tuple[str, ...]]:
    """What is fetched and what is left out; raises BadRequest where only pickles would remain, or for a name that
    leads out of the folder.
    """
    if len(listing.files) > MOST_FILES:
        raise said_no(repository, f"it lists {len(listing.files)} files.")
    taken: list[RemoteFile] = []
    left_out: list[str] = []
    for file in listing.files:
        refuse_path(file.path)
        hidden = any(part.startswith(".") for part in PurePosixPath(file.path).parts)
        if hidden or not belongs(file.path):
            left_out.append(file.path)
        else:
            taken.append(file)
    if not any(file.path.endswith(WEIGHT_SUFFIXES) for file in taken):
        refuse_pickles_alone(left_out)
    return taken, tuple(sorted(left_out))


def refuse_path(name: str) -> None:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise refused(ascii(name[:120]), "leads out of its folder.")


def refuse_pickles_alone(left_out: list[str]) -> None:
    for name in left_out:
        if name.lower().endswith(PICKLE_SUFFIXES):
            raise refused(name, "is in a pickle format, and the repository has no safetensors or GGUF beside it.")
