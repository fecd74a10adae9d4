"""What this box is made of, read from files below a root, and whether it is still the box that a licence names.

Six factors at most. Only salted hashes leave this module: a salt per request, so that two requests cannot be joined by
strangers. A MAC address has few bits, so whoever holds the file can still find one by trying: it hides, no more.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.hardware.world import World
from appliance.licences.documents import MOST_HASHES, Fingerprint

EMPTY = re.compile(r"^[0\W]*$|^[fF\W]*$")
NEVER_FILLED_IN = re.compile(r"^03000200-0400-0500-0006-000700080009$|o\.?e\.?m|default|serial|none", re.IGNORECASE)
"""What firmware says, the same on every board, where nobody told it better."""

PERMANENT = "0"
"""NET_ADDR_PERM of the kernel's include/uapi/linux/netdevice.h, in `addr_assign_type`."""

LOCALLY_ADMINISTERED = 0x02
"""The bit of a MAC's first byte that says nobody burnt it in (IEEE 802)."""

STORAGE_ROOT_KEY = "run/systemd/tpm2-srk-public-key.pem"
"""The TPM's storage root key, public part, written at every boot by systemd-tpm2-setup (255 and later).

The endorsement key would be nearer the chip, but the kernel shows it in no file. Only the copy in /run: the one in /var
comes along when a disk is copied.
"""


class Factor(StrEnum):
    DMI = "dmi"
    MACHINE_ID = "machine_id"
    NETWORK = "network"
    ACCELERATORS = "accelerators"
    DISKS = "disks"
    TPM = "tpm"


ANCHORS = (Factor.TPM, Factor.ACCELERATORS)
"""Copies of a virtual machine differ in these alone."""

HALF = (Factor.ACCELERATORS,)
"""Of these at least half must be there; of the others one is enough, as cards and disks are replaced one by one."""


@dataclass(frozen=True, repr=False)
class Observation:
    """Raw identities: they stay in memory and never show in a log or an error."""

    values: Mapping[Factor, frozenset[str]]

    def __repr__(self) -> str:
        return f"Observation({', '.join(self.factors)})"

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(factor.value for factor in Factor if self.values.get(factor))

    def hashes(self, salt: bytes) -> dict[str, list[str]]:
        return {
            factor.value: sorted(hashed(factor, value, salt=salt) for value in found)[:MOST_HASHES]
            for factor, found in self.values.items()
            if found
        }


@dataclass(frozen=True)
class Likeness:
    """How much of the licensed box is here."""

    matching: tuple[str, ...]
    required: int
    lacks_anchor: bool

    @property
    def is_same(self) -> bool:
        return len(self.matching) >= self.required and not self.lacks_anchor

    @property
    def sentence(self) -> str:
        there = ", ".join(self.matching) or "nothing"
        text = f"Of the licensed box {there} is here; {self.required} parts must be."
        return f"{text} One of them must be its TPM or its accelerators." if self.lacks_anchor else text


def observe(world: World, *, accelerators: Iterable[str] = ()) -> Observation:
    """`accelerators`: UUIDs or serial numbers, as discovery knows them. What cannot be read is left out."""
    return Observation(
        {
            Factor.DMI: worthy(firmware_names(world)),
            Factor.MACHINE_ID: worthy([world.text("etc/machine-id")]),
            Factor.NETWORK: worthy(permanent_macs(world)),
            Factor.ACCELERATORS: worthy(accelerators),
            Factor.DISKS: worthy(disk_names(world)),
            Factor.TPM: worthy([world.text(STORAGE_ROOT_KEY)]),
        }
    )


def compare(licensed: Fingerprint, observation: Observation) -> Likeness:
    here = observation.hashes(base64.b64decode(licensed.salt))
    matching = tuple(
        name
        for name, wanted in licensed.factors.items()
        if wanted and len(set(wanted) & set(here.get(name, ()))) >= needed(name, len(set(wanted)))
    )
    anchors = {factor.value for factor in ANCHORS}
    return Likeness(matching, licensed.required, licensed.anchored and not anchors & set(matching))


def default_required(factors: Mapping[str, object]) -> int:
    """At least half: 3 of 6 outlive a new mainboard, which takes DMI, its network ports and the TPM along."""
    return (len(factors) + 1) // 2


def can_be_anchored(factors: Mapping[str, object]) -> bool:
    return any(anchor.value in factors for anchor in ANCHORS)


def needed(name: str, licensed: int) -> int:
    return (licensed + 1) // 2 if name in {factor.value for factor in HALF} else 1


def hashed(factor: Factor, value: str, *, salt: bytes) -> str:
    return hashlib.sha256(b"\0".join([salt, factor.value.encode(), value.encode()])).hexdigest()


def worthy(found: Iterable[str | None]) -> frozenset[str]:
    return frozenset(text.strip().lower() for text in found if text and not EMPTY.match(text.strip()))


def firmware_names(world: World) -> Iterable[str | None]:
    """Both are for root alone to read (the kernel's drivers/firmware/dmi-id.c gives them mode 0400)."""
    for name in ("product_uuid", "board_serial"):
        text = world.text(f"sys/class/dmi/id/{name}")
        if text and not NEVER_FILLED_IN.search(text):
            yield text


def permanent_macs(world: World) -> Iterable[str | None]:
    """Ports with a device behind them; a port in a bond shows the bond's address, and its own beside it."""
    for name in names_below(world, "sys/class/net"):
        base = f"sys/class/net/{name}"
        if not world.exists(f"{base}/device"):
            continue
        mac = world.text(f"{base}/bonding_slave/perm_hwaddr")
        if mac is None and world.text(f"{base}/addr_assign_type") == PERMANENT:
            mac = world.text(f"{base}/address")
        if mac is not None and is_burnt_in(mac):
            yield mac


def is_burnt_in(mac: str) -> bool:
    try:
        return not int(mac[:2], 16) & LOCALLY_ADMINISTERED
    except ValueError:
        return False


def disk_names(world: World) -> Iterable[str | None]:
    """World-wide names and serial numbers of disks that are built in."""
    for name in names_below(world, "sys/block"):
        base = f"sys/block/{name}"
        if world.exists(f"{base}/device") and world.text(f"{base}/removable") != "1":
            said = (world.text(f"{base}/{place}") for place in ("wwid", "device/wwid", "device/serial", "serial"))
            yield next((text for text in said if text), None)


def names_below(world: World, folder: str) -> list[str]:
    path = world.root / Path(folder)
    try:
        return sorted(entry.name for entry in path.iterdir())
    except OSError:
        return []
