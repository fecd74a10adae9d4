"""Kinds of cards by name: `cards.yaml`, typed."""

from functools import cache
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from appliance.base.errors import NotFound
from model_catalog.catalogue import read_yaml, wrong
from model_catalog.schema import Evidence, Figure, Strict

CARDS_FILE = Path(__file__).with_name("cards.yaml")


class Card(Strict):
    """`sizes` are the numbers of cards of one node that may serve one model together; `groups` the allowed sets by
    size, where the vendor restricts them. `pack` is the engine pack that fit assumes when none is named.
    """

    name: str
    vendor: str
    family: str
    pack: str
    aliases: tuple[str, ...] = ()
    memory_bytes: Figure
    nominal_bytes: int
    sizes: tuple[int, ...]
    groups: dict[int, tuple[tuple[int, ...], ...]] = Field(default_factory=dict)

    @property
    def per_node(self) -> int:
        return max(self.sizes)


ROWS: TypeAdapter[tuple[Card, ...]] = TypeAdapter(tuple[Card, ...])


@cache
def load_cards(path: Path = CARDS_FILE) -> dict[str, Card]:
    """By name; raises SetupError that names the file and the field."""
    try:
        return {card.name: card for card in ROWS.validate_python(read_yaml(path))}
    except ValidationError as error:
        raise wrong(path, str(error.errors()[0])) from error


def find_card(name: str) -> Card:
    """By name or alias, without regard to case; the beginning of one name is enough where only one card has it."""
    wanted = name.casefold()
    cards = load_cards().values()
    exact = [card for card in cards if wanted in {known.casefold() for known in (card.name, *card.aliases)}]
    found = exact or [card for card in cards if card.name.startswith(f"{wanted}-")]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(f"Several cards are called `{name}`.", hint=f"Say which: {', '.join(c.name for c in found)}.")
    raise NotFound(f"Fit knows no card `{name}`.", hint=f"Known: {', '.join(load_cards())}.")


def this_machine(memory_bytes: int) -> Card:
    """The processor as a card: its memory, no groups."""
    return Card(
        name="cpu",
        vendor="cpu",
        family="cpu",
        pack="vllm-cpu",
        memory_bytes=Figure(value=memory_bytes, evidence=Evidence.MEASURED, source="memory of this machine"),
        nominal_bytes=memory_bytes,
        sizes=(1,),
    )
