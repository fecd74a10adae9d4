"""The write boundaries of an import, by name, so that a test can pull the plug at each one.

`APPLIANCE_FAILPOINT=blob_placed` makes the process kill itself with SIGKILL there: no handler runs, as in a power
loss that the page cache survived.
"""

import os
import signal
from enum import StrEnum

VARIABLE = "APPLIANCE_FAILPOINT"


class Boundary(StrEnum):
    """In the order in which an import crosses them."""

    PART_WRITTEN = "part_written"
    PART_SYNCED = "part_synced"
    PART_NOTED = "part_noted"
    FILE_SYNCED = "file_synced"
    FILE_NOTED = "file_noted"
    BLOB_PLACED = "blob_placed"
    BLOB_SYNCED = "blob_synced"
    FILE_LINKED = "file_linked"
    FOLDERS_SYNCED = "folders_synced"
    MANIFEST_WRITTEN = "manifest_written"
    VERSION_NAMED = "version_named"
    VERSION_SYNCED = "version_synced"
    JOURNAL_FORGOTTEN = "journal_forgotten"


def cross(boundary: Boundary) -> None:
    if os.environ.get(VARIABLE) == boundary:
        os.kill(os.getpid(), signal.SIGKILL)
