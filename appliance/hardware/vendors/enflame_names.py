"""Enflame's names, and by what a GCU is chosen."""

from dataclasses import replace
from pathlib import Path

from appliance.hardware.inventory import BusId, Selectors
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.vendors.numbers import ordinal
from appliance.hardware.vendors.places import device_at
from appliance.hardware.world import World

CONTROL_NODE = "/dev/gcuctl"
PRODUCTS = {"c035": "Enflame S60"}
"""As `efsmi -q` of an S60 prints it; other ids are not published with a name."""
HINT = "Install Enflame's driver (TopsRider --driver): `efsmi -q` must list the cards."
BRAND = Brand("enflame", "topsrider", "1e36", hint=HINT, products=PRODUCTS, nodes=(CONTROL_NODE,))
DRIVER_FOLDERS = ("enflame", "zixiao")


def selectors(world: World, *, index: int, address: BusId | None) -> Selectors:
    """Processes count indices; the file `/dev/gcuN` and the container toolkit go by the minor number, which the driver
    keeps in sysfs (EnflameTechnology/gcushare, pkg/efpci). Where it does not, the index stands in for it.
    """
    minor = _minor(world, address)
    return Selectors(
        process={"TOPS_VISIBLE_DEVICES": str(index)},
        container={"ENFLAME_VISIBLE_DEVICES": str(index if minor is None else minor)},
        device_nodes=(
            f"/dev/gcu{index if minor is None else minor}",
            *((CONTROL_NODE,) if world.exists(CONTROL_NODE) else ()),
        ),
        kubernetes="enflame.com/gcu",
    )


def _minor(world: World, address: BusId | None) -> int | None:
    """`enflame/gcu3/dev` holds `240:3`."""
    device = device_at(world.pci, address)
    folders = [device.path / name for name in DRIVER_FOLDERS] if device else []
    return next((minor for folder in folders if (minor := _read(folder)) is not None), None)


def _read(folder: Path) -> int | None:
    for entry in sorted(folder.glob("gcu[0-9]*/dev")):
        try:
            return ordinal(entry.read_text().strip().partition(":")[2])
        except OSError:
            continue
    return None


def drs_selectors(card: Selectors, *, uuid: str) -> Selectors:
    """The card as usual, and in its process the slice by `DRS-` and its UUID, as Enflame's own device plug-in sets them
    (EnflameTechnology/gcushare, pkg/server). Of a vGCU nothing of the kind is published.
    """
    return replace(card, process={"TOPS_VISIBLE_DEVICES": f"DRS-{uuid}"}, kubernetes=None)
