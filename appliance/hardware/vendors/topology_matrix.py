"""The table that `nvidia-smi topo -m` prints, and in its manner `npu-smi info -t topo` and `xpu-smi topo -m`."""

import re

from appliance.hardware.inventory import Link, LinkKind
from appliance.hardware.vendors.numbers import ordinal

PCI_KINDS = {"PIX": LinkKind.PIX, "PXB": LinkKind.PXB, "PHB": LinkKind.PHB, "NODE": LinkKind.NODE, "SYS": LinkKind.SYS}

NO_LINKS = "The links between the cards are not known."

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def read_links(text: str, *, prefix: str, fabric: re.Pattern[str]) -> dict[int, tuple[Link, ...]]:
    """Per card its links to the others. Rows and columns are named `prefix` and a number; other columns (network
    cards, affinities) are passed over, and so is a word that is neither `fabric`'s nor one of the PCI kinds.
    """
    lines = [_COLOURS.sub("", line).split() for line in text.splitlines()]
    columns: list[int | None] = []
    links: dict[int, tuple[Link, ...]] = {}
    for words in lines:
        numbers = [_numbered(word, prefix=prefix) for word in words]
        if len(words) > 1 and numbers[0] is not None and numbers[1] is None and columns:
            links[numbers[0]] = _row(columns, words[1:], fabric=fabric)
        elif not columns and any(number is not None for number in numbers):
            columns = numbers
    return links


def _row(columns: list[int | None], words: list[str], *, fabric: re.Pattern[str]) -> tuple[Link, ...]:
    pairs = zip(columns, words, strict=False)
    found = (_link(peer, word, fabric=fabric) for peer, word in pairs if peer is not None)
    return tuple(link for link in found if link is not None)


def _link(peer: int, word: str, *, fabric: re.Pattern[str]) -> Link | None:
    if fabric.fullmatch(word):
        return Link(peer_index=peer, kind=LinkKind.FABRIC, name=word)
    kind = PCI_KINDS.get(word)
    return None if kind is None else Link(peer_index=peer, kind=kind)


def _numbered(word: str, *, prefix: str) -> int | None:
    return ordinal(word.removeprefix(prefix)) if word.startswith(prefix) else None
