"""The table that every vendor's `*-smi` prints, modelled on nvidia-smi's: two or three lines for each card.

Columns differ from vendor to vendor and from version to version, their contents do not: an address, `45C`,
`48W / 350W`, `858/65536 MiB` or `64MiB / 32768MiB` or `0MiB(81920MiB)`, and the utilisation as the last percentage.
"""

import re
from collections.abc import Iterable, Iterator

from appliance.hardware.vendors.numbers import MIB
from appliance.hardware.vendors.reading import Reading
from appliance.hardware.world import VendorFailed

CARD = re.compile(r"^\|?\s*(?P<index>\d+)\s+(?P<name>[A-Za-z][^|]*?)\s*\|")
ADDRESS = re.compile(r"\b[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]\b")
TEMPERATURE = re.compile(r"\b(-?\d+)\s?C\b")
POWER = re.compile(r"\b(\d+(?:\.\d+)?)\s?W\b(?:\s*/\s*(\d+(?:\.\d+)?)\s?W\b)?")
MEMORY = re.compile(r"\b(\d+)\s?(?:MiB)?\s*(?:/|\()\s*(\d+)\s?MiB")
PERCENT = re.compile(r"\b(\d+)\s?%")
VERSION = r"{0} Version:\s*([^\s|]+)"
LISTED = re.compile(r"^\s*(?:GPU|PPU)\s?#?(\d+)\b.*?UUID:\s*([^\s)]+)")
END = "Process"
NO_UUIDS = "The cards' uuids are unknown."


def read_table(output: str) -> list[tuple[Reading, str]]:
    """Each card, and its part of the table for what only one vendor prints. Raises VendorFailed for none."""
    driver = version(output, "Driver")
    found = [(reading(index, name, block, driver), block) for index, name, block in blocks(output.splitlines())]
    if not found:
        raise VendorFailed("The tool printed no table of cards.")
    return found


def read_uuids(output: str) -> dict[int, str]:
    """`GPU#0  MXC500 ... (UUID: GPU-...)` and `PPU 0: PPU (UUID: GPU-...)`, by index."""
    matches = (LISTED.match(line) for line in output.splitlines())
    return {int(match[1]): match[2] for match in matches if match}


def version(output: str, of: str) -> str | None:
    """`Driver Version: 2.5.014` and its like; None for `N/A`."""
    match = re.search(VERSION.format(of), output)
    return match[1] if match and match[1] != "N/A" else None


def blocks(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Index, name and lines of each card that has an address; what follows the cards is no card."""
    head: re.Match[str] | None = None
    block: list[str] = []
    for line in lines:
        match = CARD.match(line)
        is_end = line.lstrip("| ").startswith(END)
        if match or is_end:
            yield from _whole(head, block)
            head, block = match, []
        if is_end:
            return
        block.append(line)
    yield from _whole(head, block)


def _whole(head: re.Match[str] | None, block: list[str]) -> Iterator[tuple[int, str, str]]:
    text = "\n".join(block)
    if head and ADDRESS.search(text):
        yield int(head["index"]), re.split(r"\s{2,}", head["name"])[0], text


def reading(index: int, name: str, block: str, driver: str | None) -> Reading:
    address, heat, power = ADDRESS.search(block), TEMPERATURE.search(block), POWER.search(block)
    memory, busy = MEMORY.search(block), PERCENT.findall(block)
    return Reading(
        index=index,
        name=name,
        place=address[0] if address else None,
        memory_bytes=int(memory[2]) * MIB if memory else None,
        memory_used_bytes=int(memory[1]) * MIB if memory else None,
        utilization=float(busy[-1]) if busy else None,
        temperature_celsius=float(heat[1]) if heat else None,
        power_watts=float(power[1]) if power else None,
        power_limit_watts=float(power[2]) if power and power[2] else None,
        driver_version=driver,
    )
