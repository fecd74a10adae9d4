"""A fleet and models for `benchmarks.placement`: made up, no two runs different. Sizes are those of the products named.

Eight kinds of node, two of them with two kinds of card, each with a little less or more main memory than the next.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from appliance.hardware.inventory import HealthState, LinkKind
from appliance.placement.demands import Demand, Policy
from appliance.placement.layouts import Layout
from appliance.placement.nodes import CardView, Claim, NodeView, NumaView

GIB = 1024**3
CORES_PER_NUMA_NODE = 64
HALVES = ((0, 1, 2, 3), (4, 5, 6, 7))
PRODUCTS = {  # family, GiB
    "NVIDIA H100 80GB HBM3": ("cuda", 80),
    "NVIDIA L40S": ("cuda", 48),
    "AMD Instinct MI300X": ("rocm", 192),
    "Ascend 910B3": ("cann", 64),
    "Kunlunxin P800": ("kunlun", 96),
    "MetaX C500": ("maca", 64),
}
NODE_KINDS = (
    ("NVIDIA H100 80GB HBM3",) * 8,
    ("NVIDIA L40S",) * 8,
    ("AMD Instinct MI300X",) * 8,
    ("Ascend 910B3",) * 8,
    ("Kunlunxin P800",) * 8,
    ("MetaX C500",) * 8,
    ("NVIDIA H100 80GB HBM3",) * 4 + ("NVIDIA L40S",) * 4,
    ("Ascend 910B3",) * 4 + ("MetaX C500",) * 4,
)
MODELS = (  # GiB of weights and cache in all, attention heads, replicas at most
    (8, 16, 24), (20, 32, 16), (45, 40, 12), (90, 64, 10), (180, 64, 6), (420, 64, 4), (700, 128, 2),
)  # fmt: skip


def made_up_node(number: int, chance: random.Random) -> NodeView:
    products = NODE_KINDS[number % len(NODE_KINDS)]
    indices: dict[str, int] = {}
    cards: list[CardView] = []
    for place, product in enumerate(products):
        family, size = PRODUCTS[product]
        index = indices[family] = indices.get(family, -1) + 1
        cards.append(
            CardView(
                index=index,
                key=f"{number}-{place}",
                family=family,
                product=product,
                memory_bytes=size * GIB,
                health=HealthState.OK,
                numa_node=place // 4,
            )
        )
    return NodeView(
        node_id=f"node-{number:04}",
        hostname=f"n{number}",
        cards=tuple(replace(card, links=links_of(card, cards)) for card in cards),
        card_groups={"kunlun": {4: HALVES}} if "Kunlunxin P800" in products else {},
        host_memory_bytes=2048 * GIB - chance.randrange(GIB),
        numa_nodes=tuple(
            NumaView(index, tuple(range(index * CORES_PER_NUMA_NODE, (index + 1) * CORES_PER_NUMA_NODE)))
            for index in range(2)
        ),
        packs=frozenset({f"vllm-{family}" for family, _ in PRODUCTS.values()}),
    )


def links_of(card: CardView, cards: Sequence[CardView]) -> dict[int, LinkKind]:
    """L40S: PCI only. P800 and MetaX: a fabric in each half. The others: a fabric among all."""
    links: dict[int, LinkKind] = {}
    for peer in cards:
        if peer is card or peer.family != card.family:
            continue
        near = peer.numa_node == card.numa_node
        if "L40S" in (card.product[-4:], peer.product[-4:]):
            links[peer.index] = LinkKind.PXB if near else LinkKind.SYS
        else:
            halves = card.product in {"Kunlunxin P800", "MetaX C500"}
            links[peer.index] = LinkKind.SYS if halves and not near else LinkKind.FABRIC
    return links


def made_up_demand(number: int, chance: random.Random) -> Demand:
    size, heads, most = chance.choice(MODELS)
    possible = [found for product in PRODUCTS if (found := smallest_layout(product, size_bytes=size * GIB))]
    layouts = tuple(chance.sample(possible, k=min(len(possible), 3)))
    return Demand(
        name=f"model-{number:03}",
        layouts=layouts,
        replicas=chance.randint(1, most),
        policy=chance.choice(list(Policy)),
        num_attention_heads=heads,
        version_id=f"version-{number}",
    )


def smallest_layout(product: str, *, size_bytes: int) -> Layout | None:
    family, card_gib = PRODUCTS[product]
    for cards in (1, 2, 4, 8):
        if size_bytes / cards <= 0.9 * card_gib * GIB:
            return Layout(
                pack=f"vllm-{family}",
                family=family,
                product=product,
                bytes_per_card=size_bytes // cards,
                tensor_parallel_size=cards,
                host_memory_bytes=16 * GIB,
                cores=4,
                shared=size_bytes < 10 * GIB,
            )
    return None


def made_up_claims(nodes: Sequence[NodeView], chance: random.Random) -> list[Claim]:
    """On two thirds of the nodes: 1 to 6 cards, some shared, all of uneven size."""
    claims: list[Claim] = []
    for node in nodes:
        if chance.random() < 1 / 3:
            continue
        for card in chance.sample(node.cards, k=chance.randint(1, 6)):
            held = {card.key: chance.randrange(GIB, card.memory_bytes)}
            claims.append(Claim(node.node_id, held, host_memory_bytes=16 * GIB, shared=chance.random() < 0.5))
    return claims
