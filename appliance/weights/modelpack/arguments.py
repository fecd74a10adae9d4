"""The command line of `python -m appliance.weights.modelpack`: words to requests."""

import argparse
import os
import re
from pathlib import Path

from appliance.base.errors import BadRequest
from appliance.base.paths import default_home
from appliance.weights.modelpack.exporting import Caption
from appliance.weights.modelpack.operations import ExportRequest, ImportRequest, RegistryAddress
from appliance.weights.modelpack.volume_writer import Shape

UNITS = {
    "": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip
PASSWORD_VARIABLE = "APPLIANCE_REGISTRY_PASSWORD"  # noqa: S105  its name, not one


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m appliance.weights.modelpack", description=__doc__)
    parser.add_argument("--home", type=Path, default=default_home(), help="the appliance's home")
    parser.add_argument("--json", action="store_true", help="answer and progress as JSON")
    commands = parser.add_subparsers(dest="command", required=True)
    add_export(commands.add_parser("export", help="write a version as a ModelPack artifact"))
    for name, what in (("import", "take an artifact into the weight store"), ("inspect", "say what an artifact holds")):
        add_source(commands.add_parser(name, help=what))
    inventory = commands.add_parser("inventory", help="write what this box has, for `export --except` on another")
    inventory.add_argument("target", type=Path)
    add_keys(commands.add_parser("keys", help="this box's public key, and those that it trusts"))
    return parser


def add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", help="digest of a version in the weight store")
    parser.add_argument("--output", type=Path, help="folder of the layout or of the volumes")
    parser.add_argument("--tag", default="", help="its name in the layout; twelve digits of the version if left away")
    parser.add_argument("--except", dest="inventory", type=Path, help="inventory of the box that it goes to")
    parser.add_argument("--volume-size", help="write volumes for disks of this size, such as 32GB")
    parser.add_argument("--volume", type=int, help="write only this one of the volumes")
    parser.add_argument("--copy", action="store_true", help="copy where hard links could do")
    parser.add_argument("--name", default="", help="what the artifact says of itself")
    parser.add_argument("--license", action="append", default=[], help="SPDX expression; may be repeated")
    add_registry(parser)


def add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("places", nargs="*", type=Path, help="an OCI layout, a tar of one, or volumes")
    parser.add_argument("--tag", default="", help="which model of a layout")
    parser.add_argument("--unsigned", action="store_true", help="take it without a trusted signature")
    add_registry(parser)


def add_registry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--registry", help="host[:port]/repository:tag instead of a folder")
    parser.add_argument("--plain-http", action="store_true", help="the registry has no TLS")
    parser.add_argument("--ca-file", type=Path, help="certificates that vouch for the registry")
    parser.add_argument("--user", default="", help=f"the password is read from {PASSWORD_VARIABLE}")
    parser.add_argument("--allow-host", action="append", default=[], help="a private host that it may send us to")


def add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("show", help="this box's public key")
    actions.add_parser("list", help="ids of trusted keys")
    actions.add_parser("trust", help="trust the key in a file").add_argument("file", type=Path)
    actions.add_parser("distrust", help="trust it no more").add_argument("id")


def export_request(found: argparse.Namespace) -> ExportRequest:
    if (found.output is None) == (found.registry is None):
        raise BadRequest("Say either --output or --registry.", param="output")
    if found.volume is not None and found.volume_size is None:
        raise BadRequest("--volume needs --volume-size, the same for all volumes.", param="volume")
    if found.volume_size is not None and found.output is None:
        raise BadRequest("Volumes are folders: say --output.", param="volume_size")
    shape = Shape(volume_bytes=read_size(found.volume_size), only=found.volume) if found.volume_size else None
    return ExportRequest(
        home=found.home,
        version=found.version,
        target=found.output,
        registry=registry_address(found),
        tag=found.tag,
        caption=Caption(name=found.name, licenses=tuple(found.license)),
        inventory=found.inventory,
        shape=shape,
        copy=found.copy,
    )


def import_request(found: argparse.Namespace) -> ImportRequest:
    if bool(found.places) == bool(found.registry):
        raise BadRequest("Say either a folder, a tar or volumes, or --registry.", param="places")
    return ImportRequest(
        home=found.home,
        places=tuple(found.places),
        registry=registry_address(found),
        tag=found.tag,
        unsigned=found.unsigned,
    )


def registry_address(found: argparse.Namespace) -> RegistryAddress | None:
    if found.registry is None:
        return None
    return RegistryAddress(
        reference=found.registry,
        plain_http=found.plain_http,
        ca_file=found.ca_file,
        user=found.user,
        password=os.environ.get(PASSWORD_VARIABLE, ""),
        allowed_hosts=tuple(found.allow_host),
    )


def read_size(text: str) -> int:
    """`32GB` is decimal, as disks are labelled; `30GiB` is binary. Raises BadRequest."""
    match = re.fullmatch(r"(\d{1,15})(?:\.(\d{1,3}))?\s*([A-Za-z]{0,3})", text.strip())
    if not match or match[3].upper() not in UNITS:
        raise BadRequest(f"{text[:40]!r} is no size; write 32GB or 30GiB.", param="volume_size")
    return int(float(f"{match[1]}.{match[2] or 0}") * UNITS[match[3].upper()])
