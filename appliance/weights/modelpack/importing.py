"""An artifact becomes a version of the weight store: signature, names, space, bytes, safety checks, publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import BadRequest
from appliance.weights.blobs import require_space
from appliance.weights.manifest import Manifest, StoredFile, make_manifest
from appliance.weights.modelpack.arrival import Arrival
from appliance.weights.modelpack.documents import layers_of, refused
from appliance.weights.modelpack.paths import Layer
from appliance.weights.modelpack.signing import Keyring, check_signature
from appliance.weights.modelpack.sources import Absent, Source
from appliance.weights.modelpack.watch import UNWATCHED, Boundary, Watch
from appliance.weights.safety import (
    LARGEST_TEXT_BYTES,
    STRICT,
    WEIGHT_SUFFIXES,
    belongs,
    examine_folder,
    refuse_by_name,
)
from appliance.weights.store import Meter, Publication, WeightStore

MOST_NAMED = 8


@dataclass(frozen=True)
class Contents:
    """What an artifact is said to hold, after its signature was checked. `signed_by` is a trusted key's id or None."""

    manifest_digest: str
    signed_by: str | None
    layers: tuple[Layer, ...]
    left_out: tuple[str, ...]

    @property
    def version(self) -> Manifest:
        return make_manifest([StoredFile(path=each.path, sha256=each.digest, bytes=each.bytes) for each in self.layers])

    @property
    def blobs(self) -> tuple[Layer, ...]:
        """One layer per digest: files with the same bytes are fetched once."""
        return tuple({layer.digest: layer for layer in self.layers}.values())


def read_contents(source: Source, *, keyring: Keyring, unsigned: bool) -> Contents:
    """Raises Forbidden for a signature that is missing, foreign or wrong, BadRequest for what may not come in."""
    letter = source.letter()
    signed_by = check_signature(
        letter.manifest, letter.signature, keyring=keyring, unsigned=unsigned, name=f"The manifest of {source.name}"
    )
    layers = layers_of(letter.manifest, name=f"The manifest of {source.name}")
    wanted = [layer for layer in layers if is_wanted(layer)]
    if not any(layer.path.endswith(WEIGHT_SUFFIXES) for layer in wanted):
        raise refused(f"{source.name} has no weights.", hint="A model holds .safetensors or .gguf files.")
    left_out = tuple(layer.path for layer in layers if layer not in wanted)
    return Contents(letter.digest, signed_by, tuple(wanted), left_out)


def is_wanted(layer: Layer) -> bool:
    """As for a folder: hidden files and what no engine reads stay out, pickle and code refuse the whole by name."""
    path = Path(layer.path)
    if any(part.startswith(".") for part in path.parts):
        return False
    refuse_by_name(layer.path, rules=STRICT)
    if not belongs(layer.path):
        return False
    if not layer.path.lower().endswith(WEIGHT_SUFFIXES) and layer.bytes > LARGEST_TEXT_BYTES:
        raise refused(f"{layer.path} is too large for a text file of a model.", code="unsafe_artifact")
    return True


def import_artifact(
    store: WeightStore, source: Source, *, keyring: Keyring, unsigned: bool = False, watch: Watch = UNWATCHED
) -> Publication:
    """Run again after a break, it fetches no verified blob again and goes on inside the one that was being fetched."""
    contents = read_contents(source, keyring=keyring, unsigned=unsigned)
    arrival = Arrival(store, contents.manifest_digest)
    with arrival.exclusively():
        if contents.version.digest not in store.versions():
            gather(arrival, source, contents=contents, watch=watch)
            examine(arrival, contents.layers, watch=watch)
            publish(arrival, contents, watch=watch)
        arrival.discard()
    version = contents.version
    return Publication(version.digest, version.total_bytes, store.path_of(version.digest), left_out=contents.left_out)


def gather(arrival: Arrival, source: Source, *, contents: Contents, watch: Watch) -> None:
    """Every blob into the arrival, from the store where it has it. Raises BadRequest that names all that are absent."""
    watch.reached(Boundary.ARRIVAL_OPENED)
    meter = Meter(sum(layer.bytes for layer in contents.blobs), watch.progress)
    wanting = [layer for layer in contents.blobs if not arrival.borrow(layer)]
    refuse_left_out([layer for layer in wanting if not source.carries(layer)], name=source.name)
    require_space(arrival.store.root, need_bytes=arrival.missing_bytes(wanting))
    absent: list[Absent] = []
    for layer in contents.blobs:
        meter.file = layer.path
        if layer not in wanting:
            meter.advance(layer.bytes)
            continue
        try:
            arrival.fetch(layer, source, meter=meter, watch=watch)
        except Absent as error:
            absent.append(error)
    if absent:
        raise all_absent(absent)


def refuse_left_out(layers: Sequence[Layer], *, name: str) -> None:
    if layers:
        raise BadRequest(
            f"{name} lacks {len(layers)} of the model's files, and so does this store: {named(layers)}.",
            hint="Export again with an inventory of this box, or without one.",
            param="source",
            code="left_out",
        )


def named(layers: Sequence[Layer]) -> str:
    more = f" and {len(layers) - MOST_NAMED} more" if len(layers) > MOST_NAMED else ""
    return ", ".join(layer.path for layer in layers[:MOST_NAMED]) + more


def all_absent(absent: Sequence[Absent]) -> BadRequest:
    messages = list(dict.fromkeys(error.message for error in absent))
    return BadRequest(
        " ".join(messages[:MOST_NAMED]),
        hint="Bring what is named and start the import again; what was verified is kept.",
        param="source",
        code=absent[0].error_code,
    )


def examine(arrival: Arrival, layers: Sequence[Layer], *, watch: Watch) -> None:
    """The same checks as for a folder. What fails them is thrown away: it would fail them again."""
    tree = arrival.plant(layers)
    watch.reached(Boundary.TREE_LINKED)
    try:
        examine_folder(tree)
    except BadRequest:
        arrival.discard()
        raise
    watch.reached(Boundary.EXAMINED)


def publish(arrival: Arrival, contents: Contents, *, watch: Watch) -> None:
    """Nothing is copied: verified blobs are renamed into the store, then its own publication names the version."""
    store = arrival.store
    with store.exclusively():
        for layer in contents.blobs:
            if not store.blobs.has(layer.digest, size_bytes=layer.bytes):
                store.blobs.place(arrival.blob(layer.digest), layer.digest)
                watch.reached(Boundary.BLOB_STORED)
        store.assemble(contents.version)
    watch.reached(Boundary.PUBLISHED)
