"""The spec and the result of an export."""

import os
from pathlib import Path

from appliance.base.errors import BadRequest
from control_plane.modelpacks.domain import Payload, RegistryPlace

EXPORT_MODEL = "export_model"


class CaptionSpec(Payload):
    """What the artifact says of itself to people; licences are SPDX expressions."""

    name: str = ""
    family: str = ""
    vendor: str = ""
    licenses: tuple[str, ...] = ()


class ExportSpec(Payload):
    """What the export's process is told: to `target`, a folder, or to `registry`.

    `inventory` is the other box's file. `volume_bytes` makes volumes, `volume` only that one of them; `copies` writes
    bytes where hard links would do.
    """

    version_id: str
    model_name: str
    digest: str
    target: Path | None = None
    registry: RegistryPlace | None = None
    tag: str = ""
    inventory: Path | None = None
    volume_bytes: int | None = None
    volume: int | None = None
    copies: bool = False
    caption: CaptionSpec = CaptionSpec()


class VolumeResult(Payload):
    number: int
    path: str
    digest: str
    bytes: int


class ExportResult(Payload):
    """`manifest_digest` is the artifact's, `signed_by` this box's key. `left_out`: how many files the other box has.

    `set` and `volumes` (how many the set has) only of volumes; `written` are those that this job wrote.
    """

    path: str
    tag: str | None
    manifest_digest: str
    signed_by: str
    bytes: int
    left_out: int
    set: str | None = None
    volumes: int | None = None
    written: tuple[VolumeResult, ...] = ()


def refuse_inside(home: Path, target: Path) -> None:
    """An export never writes among the appliance's own files; raises BadRequest. The caller resolves links."""
    inner = Path(os.path.normpath(target))
    if inner == home or home in inner.parents:
        raise BadRequest(f"{target} lies in the appliance's home.", hint="Give a folder outside of it.", param="target")
