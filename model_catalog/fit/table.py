"""`python -m model_catalog.fit.table` writes docs/fit.md: the published rows with our verdict and two peers' beside."""

from collections.abc import Callable
from pathlib import Path

from model_catalog.fit.cards import load_cards
from model_catalog.fit.peers import gpustack_fits, kaito_fits
from model_catalog.fit.validated import Comparison, compare, load_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fit.md"
MADE = (
    "<!-- Made by `python -m model_catalog.fit.table`; change model_catalog/fit/*.yaml or the code, not this page. -->"
)
GIB = 1024**3
INTRODUCTION = """
Whether a model fits on cards is a sum per card: weights, KV cache, activations and the process, against the share of
the card that the engine claims. `appliance models fit NAME --on CARD` shows it line by line. This page puts the sum
beside what others published for named cards, and beside what two peers would say of the same rows. A row that somebody
published wins over the sum.

- **published**: `fits`, `does not fit`, or `smallest`: the publisher calls this the smallest number of cards.
- **ours**: the sum on the same cards; for `smallest` the number of cards that we find.
- **GPUStack 2.3**: weights x 1.2 + 2 GiB over the cards, each claimed to 0.9; no term for context or concurrency.
- **KAITO**: weights x 1.02 + 2.3 GiB per card + the naive KV cache of one sequence.

The sum's overheads are KAITO's largest observations for vLLM 0.10.1 on NVIDIA cards. For every other engine and card
they are taken over unmeasured (`unverified` in `model_catalog/fit/overheads.yaml`), except on the CPU, where they were
measured. There, `python -m benchmarks.fit_against_engine` puts weight bytes and KV bytes per token beside what vLLM
0.32 itself reports for random models of nine shapes (grouped-query, norms on heads, sliding window in all and in 5 of
6 layers, experts, MLA twice, gated delta net, Mamba 2): all within 0.001 %, and 1.74 to 1.78 GiB for its processes.
Sizes of cards come from
`model_catalog/fit/cards.yaml`, each with its source; most of those that are not NVIDIA's have not been seen in a tool's
published output either. None of these rows was run here.
"""


def page() -> str:
    """The whole page, as text that ends with a newline."""
    found = [compare(row) for row in load_rows()]
    parts = ["# Fit: the sum beside published rows", MADE, INTRODUCTION.strip(), summary(found), rows_table(found)]
    parts += [differences(found), cards_table()]
    return "\n\n".join(parts) + "\n"


def summary(found: list[Comparison]) -> str:
    harder = [one for one in found if not one.row.fits]
    return (
        f"Of {len(found)} rows the published verdict is met {scores(found)}. Most rows say that something fits, which "
        f"is the easier half: of the {len(harder)} rows that do not fit it is met {scores(harder)}."
    )


def scores(found: list[Comparison]) -> str:
    ours = sum(one.agrees for one in found)
    peers = [sum(peer_agrees(one, peer) for one in found) for peer in (gpustack, kaito)]
    return f"by **ours in {ours}**, by GPUStack's formula in {peers[0]}, by KAITO's in {peers[1]}"


Peer = Callable[[Comparison, int], bool]


def gpustack(one: Comparison, cards: int) -> bool:
    return gpustack_fits(one.subject.weights.size_bytes, card=one.subject.card, cards=cards)


def kaito(one: Comparison, cards: int) -> bool:
    subject = one.subject
    return kaito_fits(subject.weights.size_bytes, shape=subject.shape, card=subject.card, cards=cards, ask=one.ask)


def peer_smallest(one: Comparison, peer: Peer) -> int | None:
    return next((count for count in one.subject.card.sizes if peer(one, count)), None)


def peer_agrees(one: Comparison, peer: Peer) -> bool:
    if one.row.says == "smallest":
        return peer_smallest(one, peer) == one.row.cards
    return peer(one, one.row.cards) == one.row.fits


def peer_says(one: Comparison, peer: Peer) -> str:
    if one.row.says == "smallest":
        return marked(f"{peer_smallest(one, peer) or 'none'}", peer_agrees(one, peer))
    return marked("fits" if peer(one, one.row.cards) else "does not fit", peer_agrees(one, peer))


def we_say(one: Comparison) -> str:
    if one.row.says == "smallest":
        return marked(f"{one.cards or 'none'}", one.agrees)
    text = "fits" if one.fits else f"does not fit, {one.missing_bytes / GIB:.1f} GiB short"
    return marked(text, one.agrees)


def marked(text: str, agrees: bool) -> str:
    return text if agrees else f"**{text}**"


def rows_table(found: list[Comparison]) -> str:
    lines = [
        "## Rows",
        "",
        "Bold: not what was published.",
        "",
        "| model | form | cards | context x sequences | published | ours | GPUStack | KAITO | evidence |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        row = one.row
        published = f"smallest: {row.cards}" if row.says == "smallest" else row.says
        cells = [
            row.model,
            f"{row.quantization}, {one.subject.weights.size_bytes / GIB:.1f} GiB"
            + (", fp8 cache" if row.cache == "fp8" else ""),
            f"{row.cards} x {row.card}",
            f"{row.context:,} x {row.concurrency}",
            published,
            we_say(one),
            peer_says(one, gpustack),
            peer_says(one, kaito),
            f"{row.evidence}: {row.source}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def form_of(one: Comparison) -> str:
    text = f"{one.row.quantization}, {one.subject.weights.size_bytes / GIB:.1f} GiB"
    return f"{text}, fp8 cache" if one.row.cache == "fp8" else text


def differences(found: list[Comparison]) -> str:
    lines = ["## Where the sum says otherwise, and why", ""]
    for one in found:
        if not one.agrees:
            row = one.row
            lines.append(
                f"- {row.model} ({row.quantization}) on {row.cards} x {row.card}: {row.differs or 'not explained'}"
            )
    return "\n".join(lines)


def cards_table() -> str:
    lines = ["## Cards", "", "| card | family | usable | groups of | evidence |", "|---|---|---|---|---|"]
    for card in load_cards().values():
        groups = ", ".join(str(size) for size in card.sizes)
        figure = card.memory_bytes
        cells = [card.name, card.family, f"{figure.value / GIB:.1f} GiB", groups, f"{figure.evidence}: {figure.source}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(path: Path = PAGE) -> None:
    path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
