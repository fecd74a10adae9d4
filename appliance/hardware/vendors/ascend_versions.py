"""The CANN toolkit's version, from the files its installer leaves behind."""

import re

from appliance.hardware.world import World

ROOT = "/usr/local/Ascend/ascend-toolkit/latest"
FILES = tuple(f"{ROOT}/{machine}-linux/ascend_toolkit_install.info" for machine in ("aarch64", "x86_64"))


def cann_version(world: World) -> str | None:
    """None where no toolkit is installed, as on a host whose engines live in images."""
    for path in FILES:
        found = re.search(r"^version=(\S+)", world.text(path) or "", re.MULTILINE)
        if found:
            return found.group(1)
    return None
