"""What one box has, as a small file for another: digests, one a line. Only the box that exports reads it."""

import re
from pathlib import Path

from appliance.base.errors import BadRequest
from appliance.base.files import write_atomically
from appliance.weights.manifest import read_manifest
from appliance.weights.modelpack.layout_files import open_plain
from appliance.weights.store import WeightStore

HEADING = "# thousand-sails inventory 1"
LINE = re.compile(r"[0-9a-f]{64}")
LIMIT = 16 * 1024 * 1024
"""A quarter of a million files."""


def write_inventory(store: WeightStore, path: Path) -> int:
    """The digests of whole versions only, as a loose blob may be cleaned away before the import; how many."""
    found = {file.sha256 for version in store.versions() for file in read_manifest(store.path_of(version)).files}
    write_atomically(path, "\n".join([HEADING, *sorted(found), ""]).encode(), mode=0o644)
    return len(found)


def read_inventory(path: Path) -> frozenset[str]:
    """Raises BadRequest. A wrong entry costs nothing but a blob that the other side will ask for."""
    with open_plain(path) as stream:
        content = stream.read(LIMIT + 1)
    lines = content.decode(errors="replace").splitlines()
    if len(content) > LIMIT or not lines or lines[0] != HEADING:
        raise BadRequest(f"{path} is no inventory.", hint="Make one with `inventory` on the other box.", param="except")
    digests = [line for line in lines[1:] if line]
    if wrong := next((line for line in digests if not LINE.fullmatch(line)), None):
        raise BadRequest(f"{path} has a line that is no digest: {wrong[:80]!r}.", param="except")
    return frozenset(digests)
