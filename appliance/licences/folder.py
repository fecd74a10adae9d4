"""The signed files in the home, for whoever loads sealed weights on this node and knows no database.

The control plane writes them (`write_folder`), from the registry, which has them too. Each is checked again when it is
read: a folder is not trusted because of where it lies.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.base import clock
from appliance.base.files import write_atomically
from appliance.base.paths import Home
from appliance.licences.chain import Root, read_licence, read_revocations, read_root
from appliance.licences.clock_mark import read_mark
from appliance.licences.documents import Revocations
from appliance.licences.envelope import LARGEST_BYTES
from appliance.licences.fingerprint import Observation
from appliance.licences.keys import ApplianceKey, read_appliance_key
from appliance.licences.portfolio import Held, Portfolio
from appliance.licences.refusal import LicenceRefused, Why
from appliance.licences.standing import LOADS, Box
from appliance.licences.wrapping import unwrap

ROOT, REVOCATIONS, LICENCE = ".root", ".revocations", ".licence"


@dataclass(frozen=True)
class Files:
    """Contents by name without ending: roots and lists by the root's fingerprint, licences by their id."""

    roots: Mapping[str, bytes]
    revocations: Mapping[str, bytes]
    licences: Mapping[str, bytes]


def write_folder(home: Home, files: Files) -> None:
    """Make the folder hold these and no others; a file that is right is left alone."""
    home.licences.mkdir(mode=0o700, exist_ok=True)
    wanted = {
        f"{name}{ending}": content
        for ending, contents in ((ROOT, files.roots), (REVOCATIONS, files.revocations), (LICENCE, files.licences))
        for name, content in contents.items()
    }
    for name, content in wanted.items():
        path = home.licences / name
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)
    for path in home.licences.iterdir():
        if path.suffix in (ROOT, REVOCATIONS, LICENCE) and path.name not in wanted:
            path.unlink(missing_ok=True)


def read_folder(home: Home, *, box: Box) -> Portfolio:
    """What is damaged or not signed by a root of the folder is passed over, as if it were not there."""
    roots = list(read_roots(home.licences))
    lists = dict(newest_lists(home.licences, roots))
    held: list[Held] = []
    for raw in contents(home.licences, LICENCE):
        with suppress(LicenceRefused):
            signed = read_licence(raw, roots=roots)
            held.append(Held(signed, lists.get(signed.root.fingerprint)))
    return Portfolio(held, box, read_mark(home))


def open_data_key(home: Home, artifact_digest: str, *, observation: Observation) -> bytes:
    """The artifact's 256-bit data key, if a licence in the home gives it now; raises LicenceRefused with the reason.

    For the process that decrypts, on the node that has the home; it goes on over a pipe, never by environment or
    argument.
    """
    key = read_appliance_key(home)
    portfolio = read_folder(home, box=Box(key.public_key, observation))
    return key_from(portfolio, artifact_digest, key)


def key_from(portfolio: Portfolio, artifact_digest: str, key: ApplianceKey) -> bytes:
    verdict = portfolio.may_load(artifact_digest, at=clock.now(), cards_in_use=0)
    if not verdict.may_load or verdict.licence is None or verdict.state not in LOADS:
        raise LicenceRefused(Why.UNKNOWN_ARTIFACT, verdict.reason)
    return unwrap(verdict.licence, artifact_digest, key)


def read_roots(folder: Path) -> Iterator[Root]:
    for raw in contents(folder, ROOT):
        with suppress(LicenceRefused):
            yield read_root(raw)


def newest_lists(folder: Path, roots: list[Root]) -> Iterator[tuple[str, Revocations]]:
    for raw in contents(folder, REVOCATIONS):
        with suppress(LicenceRefused):
            signed = read_revocations(raw, roots=roots)
            yield signed.root.fingerprint, signed.document


def contents(folder: Path, ending: str) -> Iterator[bytes]:
    """Never more than the largest file there may be, and one byte that tells that there was more."""
    for path in sorted(folder.glob(f"*{ending}")):
        with suppress(OSError), path.open("rb") as file:
            yield file.read(LARGEST_BYTES + 1)
