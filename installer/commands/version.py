"""`version`: what is installed."""

from importlib.metadata import version as installed_version

from installer.commands.options import Json
from installer.terminal import print_exactly, print_json

DISTRIBUTION = "thousand-sails"


def version(as_json: Json = False) -> None:
    """Print the version of the appliance and the format of its home.

    Example: `appliance version`
    """
    from appliance.base.box import HOME_FORMAT

    ours = installed_version(DISTRIBUTION)
    if as_json:
        print_json({"version": ours, "home_format": HOME_FORMAT})
    else:
        print_exactly(f"Thousand Sails {ours} (home format {HOME_FORMAT})")
