"""How a model can lie on several cards: tensor parallelism inside a node, a pipeline for the rest."""

from collections.abc import Iterator
from dataclasses import dataclass

from model_catalog.fit.cards import Card
from model_catalog.fit.shape import LayerState, ModelShape, divides


@dataclass(frozen=True)
class Layout:
    tensor: int = 1
    pipeline: int = 1

    @property
    def cards(self) -> int:
        return self.tensor * self.pipeline

    def __str__(self) -> str:
        cards = f"{self.cards} card" + ("" if self.cards == 1 else "s")
        parts = [f"tensor parallel {self.tensor}"] if self.tensor > 1 else []
        parts += [f"pipeline {self.pipeline}"] if self.pipeline > 1 else []
        return f"{cards} ({', '.join(parts)})" if parts else cards


@dataclass(frozen=True)
class Stage:
    """The layers of one pipeline stage, and whether the embedding and the output head are with it."""

    layers: tuple[LayerState, ...]
    first: bool
    last: bool


def layouts(shape: ModelShape, card: Card, *, nodes: int = 1) -> Iterator[Layout]:
    """All that this kind of card allows, few cards first, and for one count the widest tensor parallelism first.

    Tensor parallelism stays in a node. A pipeline has at least one layer per stage.
    """
    counts = sorted({*card.sizes, *(card.per_node * number for number in range(1, nodes + 1))})
    for count in counts:
        for tensor in range(min(count, card.per_node), 0, -1):
            if count % tensor == 0 and divides(shape, tensor) and count // tensor <= len(shape.layers):
                yield Layout(tensor, count // tensor)


def layouts_of(shape: ModelShape, card: Card, cards: int) -> list[Layout]:
    nodes = -(-cards // card.per_node)
    return [layout for layout in layouts(shape, card, nodes=nodes) if layout.cards == cards]


def stages(shape: ModelShape, pipeline: int) -> list[Stage]:
    """As vLLM cuts (`distributed/utils.py` get_pp_indices): evenly, left-over layers to the stages before the last."""
    each, left = divmod(len(shape.layers), pipeline)
    sizes = [each] * pipeline
    for back in range(2, left + 2):
        sizes[-back] += 1
    found: list[Stage] = []
    start = 0
    for number, size in enumerate(sizes):
        found.append(Stage(shape.layers[start : start + size], first=number == 0, last=number == pipeline - 1))
        start += size
    return found
