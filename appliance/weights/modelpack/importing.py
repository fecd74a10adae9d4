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
from appliance.weights.modelpack.sources import VOLUME_DAMAGED, VOLUME_MISSING, Absent, Source
from appliance.weights.modelpack.watch import UNWATCHED, Boundary, Watch
from appliance.weights.safety import (
    LARGEST_TEXT_BYTES,
    STRICT,
    WEIGHT_SUFFIXES,
    Rules,
    belongs,
    examine_folder,
    refuse_by_name,
)
from appliance.weights.store import Meter, Publication, WeightStore

MOST_NAMED = 8


@dataclass(frozen=True)
class Contents:
    """What an artifact is said to hold, after its signature was checked. `signed_by` is a trusted key's id or None;
    `key_id` that of whoever signed it, a stranger too.
    """

    manifest_digest: str
    signed_by: str | None
    key_id: str | None
    layers: tuple[Layer, ...]
    left_out: tuple[str, ...]

    @property
    def version(self) -> Manifest:
        return make_manifest([StoredFile(path=each.path, sha256=each.digest, bytes=each.bytes) for each in self.layers])

    @property
    def blobs(self) -> tuple[Layer, ...]:
        """One layer per digest: files with the same bytes are fetched once."""
        return tuple({layer.digest: layer for layer in self.layers}.values())


def read_contents(source: Source, *, keyring: Keyring, unsigned: bool, rules: Rules = STRICT) -> Contents:
    """Raises Forbidden for a signature that is missing, foreign or wrong, BadRequest for what may not come in."""
    letter = source.letter()
    signed_by = check_signature(
        letter.manifest, letter.signature, keyring=keyring, unsigned=unsigned, name=f"The manifest of {source.name}"
    )
    layers = layers_of(letter.manifest, name=f"The manifest of {source.name}")
    wanted = [layer for layer in layers if is_wanted(layer, rules=rules)]
    if not any(layer.path.endswith(WEIGHT_SUFFIXES) for layer in wanted):
        raise refused(f"{source.name} has no weights.", hint="A model holds .safetensors or .gguf files.")
    left_out = tuple(layer.path for layer in layers if layer not in wanted)
    key_id = letter.signature.key_id if letter.signature else None
    return Contents(letter.digest, signed_by, key_id, tuple(wanted), left_out)


def is_wanted(layer: Layer, *, rules: Rules) -> bool:
    """As for a folder: hidden files and what no engine reads stay out, pickle and code refuse the whole by name."""
    path = Path(layer.path)
    if any(part.startswith(".") for part in path.parts):
        return False
    refuse_by_name(layer.path, rules=rules)
    if not belongs(layer.path):
        return False
    if not layer.path.lower().endswith(WEIGHT_SUFFIXES) and layer.bytes > LARGEST_TEXT_BYTES:
        raise refused(f"{layer.path} is too large for a text file of a model.", code="unsafe_artifact")
    return True


@dataclass(frozen=True)
class Terms:
    """What the admin lets pass: an artifact without a trusted signature, one that brings program code along."""

    unsigned: bool = False
    rules: Rules = STRICT


def import_artifact(
    store: WeightStore, source: Source, *, keyring: Keyring, terms: Terms = Terms(), watch: Watch = UNWATCHED
) -> Publication:
    """Run again after a break, it fetches no verified blob again and goes on inside the one that was being fetched."""
    contents = read_contents(source, keyring=keyring, unsigned=terms.unsigned, rules=terms.rules)
    arrival = Arrival(store, contents.manifest_digest)
    with arrival.exclusively():
        if not is_kept(store, contents.version):
            gather(arrival, source, contents=contents, watch=watch)
            examine(arrival, contents.layers, rules=terms.rules, watch=watch)
            publish(arrival, contents, watch=watch)
        arrival.discard()
    version = contents.version
    return Publication(version.digest, version.total_bytes, store.path_of(version.digest), left_out=contents.left_out)


def is_kept(store: WeightStore, version: Manifest) -> bool:
    """Whether the store has it already; it is made young again then, so that gc waits until somebody has named it."""
    if version.digest not in store.versions():
        return False
    with store.exclusively():
        kept = version.digest in store.versions()
        if kept:
            store.assemble(version)
        return kept


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
            absent += [error, *error.others]
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
    """`missing_volumes` and `damaged_volumes` are for programs; a missing one comes first, as it is only elsewhere."""
    messages = list(dict.fromkeys(error.message for error in absent))
    numbers = {
        code: sorted({error.volume for error in absent if error.error_code == code})
        for code in (VOLUME_MISSING, VOLUME_DAMAGED)
    }
    return BadRequest(
        " ".join(messages[:MOST_NAMED]),
        hint="Insert the volumes that are missing, export the damaged ones again, and start the same import again; "
        "what was verified is kept.",
        param="source",
        code=VOLUME_MISSING if numbers[VOLUME_MISSING] else VOLUME_DAMAGED,
        missing_volumes=numbers[VOLUME_MISSING],
        damaged_volumes=numbers[VOLUME_DAMAGED],
    )


def examine(arrival: Arrival, layers: Sequence[Layer], *, rules: Rules, watch: Watch) -> None:
    """The same checks as for a folder. What fails them is thrown away: it would fail them again."""
    tree = arrival.plant(layers)
    watch.reached(Boundary.TREE_LINKED)
    try:
        examine_folder(tree, rules=rules)
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
