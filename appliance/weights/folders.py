"""A model's folder that a person brought: copied, never linked, for its owner may edit it later."""

import os
from dataclasses import dataclass
from pathlib import Path

from appliance.weights.copying import open_plain, read_chunks
from appliance.weights.intake import Desk, Wanted
from appliance.weights.journal import fingerprint
from appliance.weights.safety import examine_folder


@dataclass(frozen=True)
class FolderSource:
    root: Path

    @property
    def name(self) -> str:
        return str(self.root)

    def deliver(self, desk: Desk) -> tuple[str, ...]:
        """The folder is examined before anything is read, and each file again as it was written."""
        found = examine_folder(self.root, rules=desk.rules)
        files = desk.chosen(
            [Wanted(file.path, key=fingerprint(self.root / file.path), bytes=file.bytes) for file in found.files]
        )
        desk.announce(files)
        for file in files:
            if not desk.take_known(file):
                self.copy(file, desk)
        return found.left_out

    def copy(self, file: Wanted, desk: Desk) -> None:
        with desk.part(file) as part, open_plain(self.root / file.path) as descriptor:
            os.lseek(descriptor, part.n_bytes, os.SEEK_SET)
            for chunk in read_chunks(descriptor):
                part.write(chunk)
            desk.accept(file, part)
