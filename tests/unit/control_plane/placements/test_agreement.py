"""What `fits here` says and what deploy does never disagree, for any model on any nodes."""

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.placement.nodes import CardView, NodeState, NodeView, NumaView
from control_plane.catalogue.repository import Mark
from control_plane.catalogue.schemas import FitsAnswer
from control_plane.catalogue.service import digest_of, document_of
from control_plane.catalogue.shelf import Listing, shown_of
from control_plane.catalogue.tables import Origin
from control_plane.placements.domain import Held, PlacementState
from control_plane.placements.fits_here import FitsHere, Now
from control_plane.placements.service import Outcome, Round, Row, settle
from control_plane.placements.wanted import Order, PlacementRules, Stock, obstacle_to
from control_plane.versions.domain import engine_facts
from model_catalog.schema import CatalogueEntry
from tests.fixtures.catalogue_entries import entry, figure, raw_entry

GIB = 1024**3
CACHE_BYTES = GIB // 2
DIGEST = "abc"
PACKS = ("llamacpp-cpu", "sglang-cuda", "vllm-cpu", "vllm-cuda", "vllm-kunlun", "of-a-newer-release")
PRODUCTS = (("cuda", "NVIDIA H100 80GB HBM3", 80), ("kunlun", "P800", 96), ("cuda", "NVIDIA A10", 24))
ARCHITECTURES = ("LlamaForCausalLM", "SomethingNew")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Weights by format and architecture, of a type that fit was not taught: reckoned by their size."""
    found: dict[tuple[str, str], Path] = {}
    for kind in ("safetensors", "gguf"):
        for architecture in ARCHITECTURES:
            folder = tmp_path_factory.mktemp("weights")
            (folder / "config.json").write_text(json.dumps({"architectures": [architecture], "model_type": "new"}))
            (folder / f"model.{kind}").touch()
            found[kind, architecture] = folder
    return found


@dataclass(frozen=True)
class Model:
    """One that the catalogue has in one form."""

    gib: float
    format: str
    architecture: str
    quantization: str | None
    families: tuple[str, ...]
    task: str
    pack: str | None

    def entry(self) -> CatalogueEntry:
        variant = raw_entry("a")["variants"][0] | {
            "name": "one", "weight_bytes": figure(self.size_bytes), "format": self.format,
            "quantization": self.quantization, "accelerators": self.families,
        }  # fmt: skip
        engine = {"max_model_len": 2048, **({"pack": self.pack} if self.pack else {})}
        bare = {"name": self.architecture}
        return entry("a", variants=[variant], engine=engine, architecture=bare, task=self.task)

    @property
    def size_bytes(self) -> int:
        return int(self.gib * GIB)

    def order(self, key: UUID, folders: dict[tuple[str, str], Path]) -> Order:
        """As the reconciler makes it of a version that was imported from the catalogue."""
        made = self.entry()
        facts = engine_facts(made, made.default_variant)
        task: Any = self.task
        return Order(
            name=str(key), folder=folders[self.format, self.architecture], digest=DIGEST, model_name="a",
            size_bytes=self.size_bytes, task=task, pack=None, max_model_len=facts.max_model_len,
            kv_cache_bytes=CACHE_BYTES, replicas=1, rules=PlacementRules(), preferred_pack=facts.pack,
            quantization=facts.quantization, families=facts.accelerators,
        )  # fmt: skip


MODELS = st.builds(
    Model,
    gib=st.sampled_from([0.01, 3, 7.77, 19, 30, 61.3, 70, 150]),
    format=st.sampled_from(["safetensors", "gguf"]),
    architecture=st.sampled_from(ARCHITECTURES),
    quantization=st.sampled_from([None, None, "fp8", "awq", "q8_0"]),
    families=st.sampled_from([(), (), ("cuda",), ("kunlun",), ("cpu",)]),
    task=st.sampled_from(["chat", "embedding", "rerank"]),
    pack=st.sampled_from([None, *PACKS[:-1]]),
)


@st.composite
def boxes(draw: st.DrawFn, *, number: int) -> NodeView:
    family, product, gib = draw(st.sampled_from(PRODUCTS))
    count = draw(st.sampled_from([0, 1, 2]))
    return NodeView(
        f"node-{number}", f"rack-{number}",
        cards=tuple(CardView(index, f"{number}-{index}", family, product, gib * GIB) for index in range(count)),
        state=draw(st.sampled_from([NodeState.READY, NodeState.READY, NodeState.DRAINING])),
        host_memory_bytes=draw(st.sampled_from([2, 16, 33, 120])) * GIB,
        numa_nodes=(NumaView(0, tuple(range(draw(st.sampled_from([1, 3]))))),),
        packs=frozenset(draw(st.sets(st.sampled_from(PACKS)))), versions=frozenset({DIGEST}),
    )  # fmt: skip


FLEETS = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).flatmap(
    lambda numbers: st.tuples(*(boxes(number=number) for number in numbers))
)


def fits(model: Model, nodes: tuple[NodeView, ...], held: list[Row]) -> FitsAnswer:
    made = model.entry()
    mark = Mark(uuid4(), made.name, Origin.CUSTOM, digest_of(document_of(made)))
    listing = Listing(1, {made.name: shown_of(mark, made, overrides=False, today=date(2026, 11, 23))})
    rows = [Held(row.key, str(row.served_model_id), row.state, row.seat) for row in held]
    claims = [claim for one in rows for claim in one.assignment(0).claims()]
    return FitsHere(kv_cache_bytes=CACHE_BYTES).of(listing, Now(nodes, claims))["a"]


def deploy(order: Order, nodes: tuple[NodeView, ...], held: list[Row]) -> Outcome:
    """Beside what is on its way out and still holds what it held."""
    key = UUID(order.name)
    return settle(
        Round(
            orders={key: order}, versions={key: uuid4()}, rows=held, nodes=nodes, selectors={},
            known=[row.key for row in held], ready=[],
        )
    )  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=MODELS, other=MODELS, nodes=FLEETS)
def test_fits_here_and_deploy_agree(
    model: Model, other: Model, nodes: tuple[NodeView, ...], folders: dict[tuple[str, str], Path]
) -> None:
    first = deploy(other.order(uuid4(), folders), nodes, [])
    held = [replace(row, state=PlacementState.STOPPING) for row in first.added]
    key = uuid4()
    order, answer = model.order(key, folders), fits(model, nodes, held)
    now, empty = deploy(order, nodes, held), deploy(order, nodes, [])
    assert (answer.verdict == "now") is bool(now.added)
    assert (answer.verdict != "never") is bool(empty.added)
    for row in (now if answer.verdict == "now" else empty).added:
        layout = row.seat.layout
        assert (answer.pack, answer.product) == (layout.pack, layout.product)
    obstacle = obstacle_to(order, Stock(nodes))
    if obstacle is not None:
        assert (answer.verdict, answer.reason) == ("never", obstacle)
        assert now.missing == {key: obstacle}
