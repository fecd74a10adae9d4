"""What an export or import tells while it runs. A callback that raises ends the run in a state that can go on."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from appliance.weights.store import ProgressCallback, silent


class Boundary(StrEnum):
    """The moments between two writes. Tests kill the process at each; nothing may be lost or half visible."""

    BLOB_PLACED = "export.blob_placed"
    DOCUMENTS_PLACED = "export.documents_placed"
    SIGNATURE_PLACED = "export.signature_placed"
    INDEX_WRITTEN = "export.index_written"
    PIECE_HASHED = "volumes.piece_hashed"
    PART_WRITTEN = "volumes.part_written"
    PART_PLACED = "volumes.part_placed"
    VOLUME_CLOSED = "volumes.volume_closed"
    ARRIVAL_OPENED = "import.arrival_opened"
    CHUNK_WRITTEN = "import.chunk_written"
    BLOB_SYNCED = "import.blob_synced"
    BLOB_ARRIVED = "import.blob_arrived"
    TREE_LINKED = "import.tree_linked"
    EXAMINED = "import.examined"
    BLOB_STORED = "import.blob_stored"
    PUBLISHED = "import.published"


def pass_by(boundary: Boundary) -> None:
    """Nobody waits at the boundaries."""


@dataclass(frozen=True)
class Watch:
    progress: ProgressCallback = silent
    reached: Callable[[Boundary], None] = pass_by


UNWATCHED = Watch()
