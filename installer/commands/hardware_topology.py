"""A picture of one machine: every card's link to every other, and which cores and cards hang on which NUMA node."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from installer.terminal import table

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from appliance.hardware.inventory import Accelerator, Inventory, Link

COLOURS = {"fabric": "bold green", "pix": "green", "pxb": "cyan", "phb": "yellow", "node": "magenta", "sys": "red"}
MEANINGS = {
    "fabric": "the vendor's own link",
    "pix": "at most one PCI switch",
    "pxb": "several PCI switches",
    "phb": "one host bridge",
    "node": "one NUMA node",
    "sys": "across NUMA nodes",
}
UNKNOWN, SELF = "?", "·"
GIB = 1024**3


def draw(inventory: "Inventory") -> "Group":
    """A matrix for each family of cards, then the NUMA nodes. The processor itself is no card."""
    from rich.console import Group
    from rich.text import Text

    families = dict.fromkeys(card.family for card in inventory.accelerators if card.family != "cpu")
    parts: list[Table | Text] = []
    for family in families:
        cards = [card for card in inventory.accelerators if card.family == family]
        parts.append(matrix(cards))
        parts.extend(Text(line) for line in allowed_groups(inventory.card_groups.get(family, {})))
    parts.append(legend() if families else Text("This machine has no accelerator cards."))
    parts.append(numa_nodes(inventory))
    return Group(*parts)


def matrix(cards: "list[Accelerator]") -> "Table":
    names = sorted({card.name for card in cards})
    title = f"\n{len(cards)} × {escape(', '.join(names))} ({cards[0].family})"
    rows = [
        [str(card.index), *(cell(card, peer) for peer in cards), "" if card.numa_node is None else card.numa_node]
        for card in cards
    ]
    return table(title, ["", *(str(card.index) for card in cards), "NUMA"], rows)


def cell(card: "Accelerator", peer: "Accelerator") -> str:
    """In rich's markup: the vendor's name of a fabric link, the bus's word for the others."""
    if card.index == peer.index:
        return f"[dim]{SELF}[/]"
    link = next((link for link in card.links if link.peer_index == peer.index), None)
    return f"[{COLOURS[link.kind]}]{word(link)}[/]" if link else f"[dim]{UNKNOWN}[/]"


def word(link: "Link") -> str:
    return escape(link.name) if link.kind == "fabric" and link.name else link.kind.upper()


def allowed_groups(allowed: Mapping[int, Sequence[Sequence[int]]]) -> Iterator[str]:
    """`{0-3} {4-7}` for the sizes that the vendor restricts."""
    for size, sets in sorted(allowed.items()):
        yield f"{size} cards work together as " + " ".join(f"{{{ranges(one)}}}" for one in sets)


def legend() -> "Text":
    from rich.text import Text

    words = [(f"{kind.upper() if kind != 'fabric' else 'NAME'}", COLOURS[kind], MEANINGS[kind]) for kind in MEANINGS]
    return Text.assemble("\n", *(part for name, style, means in words for part in ((name, style), f" {means}   ")))


def numa_nodes(inventory: "Inventory") -> "Table":
    """Cards that belong to no node known to the kernel come last."""
    known = inventory.processor.numa_nodes
    rows = [
        [node.index, ranges(node.cores), f"{node.memory_bytes / GIB:.1f} GiB", cards_on(inventory, node.index)]
        for node in known
    ]
    elsewhere = {card.numa_node for card in inventory.accelerators if card.family != "cpu"}
    unknown = sorted(elsewhere - {node.index for node in known}, key=lambda one: (one is None, one or 0))
    rows.extend(["none" if index is None else index, "", "", cards_on(inventory, index)] for index in unknown)
    return table("\nNUMA nodes", ["Node", "Cores", "Memory", "Cards"], rows)


def cards_on(inventory: "Inventory", numa_node: int | None) -> str:
    """`corex 0-7, cuda 0`."""
    there: dict[str, list[int]] = {}
    for card in inventory.accelerators:
        if card.family != "cpu" and card.numa_node == numa_node:
            there.setdefault(card.family, []).append(card.index)
    return ", ".join(f"{family} {ranges(indices)}" for family, indices in there.items())


def ranges(numbers: Iterable[int]) -> str:
    """(0, 1, 2, 5) as the kernel writes it: `0-2,5`."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
