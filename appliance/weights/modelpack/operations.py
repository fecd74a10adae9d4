"""One function per operation, taking plain values: what a job's child process and the command line call."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from appliance.base.paths import Home
from appliance.weights.modelpack.exporting import Caption, Export, Package, export_layout, pack
from appliance.weights.modelpack.importing import Terms, import_artifact, read_contents
from appliance.weights.modelpack.inventory import read_inventory, write_inventory
from appliance.weights.modelpack.signing import keyring_of
from appliance.weights.modelpack.sources import Source, open_layout
from appliance.weights.modelpack.volume_source import VolumeSource, find_volumes
from appliance.weights.modelpack.volume_writer import Shape, VolumeSet, export_volumes
from appliance.weights.modelpack.volumes import INDEX_FILE
from appliance.weights.modelpack.watch import UNWATCHED, Watch
from appliance.weights.safety import Rules
from appliance.weights.store import Publication, WeightStore


@dataclass(frozen=True)
class RegistryAddress:
    """As `registry_client.Place`, which is loaded only when it is needed."""

    reference: str
    plain_http: bool = False
    ca_file: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportRequest:
    """To `target`, a folder, or to `registry`. `inventory` is the other box's file."""

    home: Path
    version: str
    target: Path | None = None
    registry: RegistryAddress | None = None
    tag: str = ""
    caption: Caption = field(default_factory=Caption)
    inventory: Path | None = None
    shape: Shape | None = None
    copy: bool = False


@dataclass(frozen=True)
class ImportRequest:
    """From `places` (an OCI layout, a tar of one, or volumes), or from `registry`."""

    home: Path
    places: tuple[Path, ...] = ()
    registry: RegistryAddress | None = None
    tag: str = ""
    unsigned: bool = False
    leave_code_out: bool = False

    @property
    def terms(self) -> Terms:
        return Terms(unsigned=self.unsigned, rules=Rules(leave_code_out=self.leave_code_out))


def store_of(home: Path) -> WeightStore:
    return WeightStore(Home(home).weights)


def export_model(request: ExportRequest, *, watch: Watch = UNWATCHED) -> Export | VolumeSet:
    """The version is held while it is read, so that no clean-up takes it away."""
    store, keyring = store_of(request.home), keyring_of(Home(request.home))
    known = read_inventory(request.inventory) if request.inventory else ()
    with store.reading(request.version):
        package = pack(store, request.version, keyring=keyring, caption=request.caption, known=known)
        if request.registry is not None:
            return push_model(store, package, address=request.registry, watch=watch)
        assert request.target is not None
        if request.shape is not None:
            return export_volumes(
                store, package, target=request.target, shape=request.shape, keyring=keyring, watch=watch
            )
        return export_layout(store, package, target=request.target, tag=request.tag, copy=request.copy, watch=watch)


def push_model(store: WeightStore, package: Package, *, address: RegistryAddress, watch: Watch) -> Export:
    from appliance.weights.modelpack.registry import push  # noqa: PLC0415  oras and requests take half a second
    from appliance.weights.modelpack.registry_client import Place  # noqa: PLC0415

    return push(store, package, place=Place(**vars(address)), watch=watch)


def import_model(request: ImportRequest, *, watch: Watch = UNWATCHED) -> Publication:
    keyring = keyring_of(Home(request.home))
    return import_artifact(
        store_of(request.home), source_of(request), keyring=keyring, terms=request.terms, watch=watch
    )


def source_of(request: ImportRequest) -> Source:
    if request.registry is not None:
        from appliance.weights.modelpack.registry import RegistrySource  # noqa: PLC0415  as above
        from appliance.weights.modelpack.registry_client import Place  # noqa: PLC0415

        return RegistrySource(Place(**vars(request.registry)))
    first, *others = request.places
    if others or is_volume(first):
        return VolumeSource(
            find_volumes(request.places), keyring=keyring_of(Home(request.home)), unsigned=request.unsigned
        )
    return open_layout(first, tag=request.tag)


def is_volume(path: Path) -> bool:
    return (path / INDEX_FILE).is_file() or any((below / INDEX_FILE).is_file() for below in path.glob("volume-*"))


def inspect_model(request: ImportRequest) -> dict[str, Any]:
    """What a source holds, who signed it and what this box lacks of it. Fetches no weights.

    A stranger's signature is named and not refused, so that one knows whose key to ask for; a wrong one is refused.
    """
    keyring = keyring_of(Home(request.home))
    store = store_of(request.home)
    source = source_of(replace(request, unsigned=True))
    contents = read_contents(source, keyring=keyring, unsigned=True, rules=request.terms.rules)
    wanting = [each for each in contents.blobs if not store.blobs.has(each.digest, size_bytes=each.bytes)]
    return {
        "version": contents.version.digest,
        "manifest_digest": contents.manifest_digest,
        "signed_by": contents.key_id,
        "is_trusted": contents.signed_by is not None,
        "total_bytes": contents.version.total_bytes,
        "missing_bytes": sum(each.bytes for each in wanting),
        "is_here": contents.version.digest in store.versions(),
        "not_carried": [each.path for each in wanting if not source.carries(each)],
        "volumes": source.stock() if isinstance(source, VolumeSource) else None,
        "left_out": list(contents.left_out),
        "files": [asdict(layer) for layer in contents.layers],
    }


def take_inventory(home: Path, *, target: Path) -> int:
    return write_inventory(store_of(home), target)
