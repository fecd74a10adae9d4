"""Where the weights of an entry lie on this machine: in the repository or in an installed package."""

import importlib.metadata
import importlib.util
from pathlib import Path

from appliance.base.errors import BadRequest, SetupError
from model_catalog.catalogue import PACKAGE_FOLDER
from model_catalog.schema import BundledSource, HubSource, PackageSource, Source


def local_folder(source: Source) -> Path:
    """The folder of the files; raises SetupError where it is missing, BadRequest where a person must bring it."""
    match source:
        case BundledSource():
            folder = PACKAGE_FOLDER / source.path
        case PackageSource():
            folder = package_folder(source)
        case HubSource():
            raise BadRequest(
                "The weights of this model are not on the box.",
                hint="Bring its folder to the box and import it with a source path.",
                code="weights_not_local",
            )
    if not folder.is_dir():
        raise SetupError(f"The weights folder {folder} is missing.", hint="Install the appliance again.")
    return folder


def package_folder(source: PackageSource) -> Path:
    """The package is found, never imported: importing would run it, and need its dependencies."""
    reinstall = "Run `appliance up`; it installs what is missing."
    found = importlib.util.find_spec(source.import_name)
    if found is None or found.origin is None:
        raise SetupError(f"The package {source.distribution} {source.version} is not installed.", hint=reinstall)
    version = importlib.metadata.version(source.distribution)
    if version != source.version:
        raise SetupError(f"{source.distribution} is {version}; the catalogue needs {source.version}.", hint=reinstall)
    return Path(found.origin).parent / source.folder
