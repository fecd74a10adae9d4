"""Volumes as a source: joined and checked while they are read, never put together on a disk first."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from appliance.base.errors import BadRequest
from appliance.weights.modelpack.artifact import sha256
from appliance.weights.modelpack.documents import MANIFEST_LIMIT, SMALL_LIMIT, parse, refused
from appliance.weights.modelpack.layout_files import FolderFiles, read_small
from appliance.weights.modelpack.paths import Layer
from appliance.weights.modelpack.signing import SIGNATURE_LIMIT, Keyring, Signature, check_signature
from appliance.weights.modelpack.sources import VOLUME_DAMAGED, VOLUME_MISSING, Absent, Letter
from appliance.weights.modelpack.volumes import (
    INDEX_FILE,
    INDEX_LIMIT,
    INDEX_SIGNATURE_FILE,
    LABEL_FILE,
    MANIFEST_FILE,
    PARTS,
    SIGNATURE_FILE,
    Label,
    Part,
    VolumeIndex,
    parts_of,
    read_index,
    set_id,
)


class VolumeSource:
    """`folders` are the volumes at hand, not all of the set: what lies on others is named, and taken next time."""

    def __init__(self, folders: Sequence[Path], *, keyring: Keyring, unsigned: bool) -> None:
        self.folders = [FolderFiles(folder) for folder in folders]
        self.name = ", ".join(str(folder) for folder in folders)
        self.keyring = keyring
        self.unsigned = unsigned
        self.index = self.read_index()
        self.present = {self.label(folder) for folder in self.folders}

    def read_index(self) -> VolumeIndex:
        """The one index of all folders: its signature is checked before it is parsed."""
        contents = {
            folder.name: read_small(folder, INDEX_FILE, limit=INDEX_LIMIT) for folder in self.folders
        }  # fmt: skip
        first = self.folders[0]
        for folder in self.folders[1:]:
            if contents[folder.name] != contents[first.name]:
                raise refused(
                    f"{folder.name} holds a volume of another set than {first.name}.",
                    hint="Bring the volumes of one export.",
                    code="another_set",
                )
        content = contents[first.name]
        signature = small_signature(first, INDEX_SIGNATURE_FILE)
        name = f"The index of {first.name}"
        check_signature(content, signature, keyring=self.keyring, unsigned=self.unsigned, name=name)
        self.set = set_id(content)
        return read_index(content, name=name)

    def stock(self) -> dict[str, Any]:
        """Which volumes of how many are at hand, by their labels; their parts are not read."""
        wanted = {part.volume for part in self.index.parts}
        return {"of": self.index.volumes, "present": sorted(self.present), "missing": sorted(wanted - self.present)}

    def label(self, folder: FolderFiles) -> int:
        found = parse(Label, read_small(folder, LABEL_FILE, limit=SMALL_LIMIT), name=LABEL_FILE)
        if found.set != self.set:
            raise refused(f"{folder.name} holds parts of another set.", code="another_set")
        return found.volume

    def letter(self) -> Letter:
        first = self.folders[0]
        manifest = read_small(first, MANIFEST_FILE, limit=MANIFEST_LIMIT)
        if sha256(manifest) != self.index.manifest:
            raise refused(f"The manifest of {first.name} is not the one of its index.", code="digest_mismatch")
        return Letter(manifest, small_signature(first, SIGNATURE_FILE))

    def carries(self, layer: Layer) -> bool:
        return bool(parts_of(self.index, layer))

    def start_of(self, layer: Layer, *, offset: int) -> int:
        """The start of the part that `offset` lies in: its digest is over all of it."""
        starts = [part.offset for part in parts_of(self.index, layer) if part.offset + part.bytes > offset]
        return min(starts, default=offset)

    def read(self, layer: Layer, *, offset: int) -> Iterator[bytes]:
        parts = [part for part in parts_of(self.index, layer) if part.offset >= offset]
        for number, part in enumerate(parts):
            try:
                yield from self.read_part(part)
            except Absent as error:
                error.others = self.absent(parts[number + 1 :])
                raise

    def absent(self, parts: Sequence[Part]) -> tuple[Absent, ...]:
        """Those that cannot be here, by their sizes: so that one run names all volumes that are wanted."""
        found: list[Absent] = []
        for part in parts:
            try:
                self.folder_of(part)
            except Absent as error:
                found.append(error)
        return tuple(found)

    def read_part(self, part: Part) -> Iterator[bytes]:
        folder = self.folder_of(part)
        digest = hashlib.sha256()
        try:
            for chunk in folder.stream(place(part), offset=0):
                digest.update(chunk)
                yield chunk
        except OSError as error:
            raise damaged(part, f"cannot be read: {error.strerror}") from error
        if digest.hexdigest() != part.sha256:
            raise damaged(part, "has other bytes than were written")

    def folder_of(self, part: Part) -> FolderFiles:
        """Any folder that has the file counts, whatever its label says. Raises Absent that names the volume."""
        sizes = {folder.name: folder.size(place(part)) for folder in self.folders}
        for folder in self.folders:
            if sizes[folder.name] == part.bytes:
                return folder
        if part.volume not in self.present:
            raise Absent(
                f"Volume {part.volume} is missing.", good_bytes=part.offset, code=VOLUME_MISSING, volume=part.volume
            )
        found = next((size for size in sizes.values() if size is not None), None)
        raise damaged(part, "is missing" if found is None else f"has {found} bytes instead of {part.bytes}")


def place(part: Part) -> str:
    return f"{PARTS}/{part.sha256}"


def damaged(part: Part, reason: str) -> Absent:
    message = f"Volume {part.volume} is damaged: its part {part.sha256[:12]}… {reason}."
    return Absent(message, good_bytes=part.offset, code=VOLUME_DAMAGED, volume=part.volume)


def small_signature(folder: FolderFiles, name: str) -> Signature | None:
    if folder.size(name) is None:
        return None
    return parse(Signature, read_small(folder, name, limit=SIGNATURE_LIMIT), name=name)


def find_volumes(places: Sequence[Path]) -> list[Path]:
    """Volumes at `places` or right below them, as on a disk with several. Raises BadRequest where there is none."""
    found: list[Path] = []
    for path in places:
        below = sorted(path.glob("volume-*")) if path.is_dir() else []
        found += [each for each in (path, *below) if (each / INDEX_FILE).is_file()]
    if not found:
        raise BadRequest(f"{', '.join(str(path) for path in places)}: no volume is here.", param="source")
    return found
