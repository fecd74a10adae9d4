"""The catalogue with "fits here" for every entry, through the admin API over a database: `-m benchmarks.catalogue`.

80 entries stand for a shipped catalogue, 1,000 are an admin's own; all are made up (`benchmarks.made_up_catalogue`), as
are the nodes. Needs no appliance: it starts a PostgreSQL of its own, and asks the application in this process, so the
answer's way over a socket is not in the figures. A round takes one request each: nothing changed, a page of 100, what
runs changed, an entry added, and the peer: the same answer worked out from the rows anew, without anything kept, as an
endpoint without `shelf` and `fits_here` would. Printed are medians over the rounds, and the first request of a process.
"""

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from appliance.base import clock, logs
from appliance.base.contracts.heartbeat import AcceleratorReport, Heartbeat, LinkReport, NumaReport
from appliance.base.ids import new_uuid, public_id
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from appliance.hardware.processor import read_processor
from appliance.placement.layouts import Layout
from appliance.placement.nodes import NodeView
from appliance.placement.plans import Part
from benchmarks.made_up_catalogue import made_up_entry
from benchmarks.made_up_fleet import made_up_node
from control_plane.api.application import GIB, Parts, build_application
from control_plane.catalogue.schemas import CatalogueAnswer
from control_plane.catalogue.service import sync_catalogue
from control_plane.catalogue.shelf import Shelf
from control_plane.database.paging import list_answer
from control_plane.database.session import SessionFactory, make_engine, make_session_factory, transaction
from control_plane.migrate import migrate
from control_plane.placements import repository as placements
from control_plane.placements.domain import Seat
from control_plane.placements.fits_here import FitsHere
from control_plane.served_models.tables import ManagedBy, ServedModel
from control_plane.tenants.service import default_project
from control_plane.versions.tables import ModelVersion
from model_catalog.schema import CatalogueEntry
from tests.fixtures.postgres import PostgresServer, prepare_home, start_server, stop_server

WANTED_SECONDS = 0.1
PAGE = 100
WARM, CHANGED, ADDED, PEER = "nothing changed", "what runs changed", "an entry was added", "peer: nothing kept"
PAGED = f"a page of {PAGE}, nothing changed"


@dataclass
class Bench:
    """`nodes` are those of the registry, `served` what the placements that come and go belong to."""

    settings: Settings
    factory: SessionFactory
    client: TestClient
    nodes: list[NodeView]
    chance: random.Random
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    served: tuple[UUID, UUID] | None = None

    def fill(self, *, shipped: int, custom: int) -> None:
        entries = [made_up_entry(f"shipped-{number:04}", self.chance) for number in range(shipped)]
        with transaction(self.factory) as session:
            sync_catalogue(session, entries={e["name"]: CatalogueEntry.model_validate(e) for e in entries})
            self.served = self.made_up_served_model(session)
        for start in range(0, custom, 100):
            names = [f"custom-{number:04}" for number in range(start, min(start + 100, custom))]
            self.add([made_up_entry(name, self.chance) for name in names])
        token = read_secret(self.settings.paths, Secret.NODE_TOKEN)
        for node in self.nodes:
            headers = {"authorization": f"Bearer {token}"}
            self.client.post("/api/v1/nodes/heartbeat", json=heartbeat(node), headers=headers).raise_for_status()

    def add(self, entries: list[dict[str, Any]]) -> None:
        self.client.post("/api/v1/catalogue/entries", json={"entries": entries}).raise_for_status()

    def made_up_served_model(self, session: Session) -> tuple[UUID, UUID]:
        project = default_project(session)
        version = ModelVersion(project_id=project.id, model_name="held", task="chat", source={}, engine={})
        session.add(version)
        session.flush()
        served = ServedModel(
            project_id=project.id, name="held", version_id=version.id, task="chat",
            managed_by=ManagedBy.CLI, max_model_len=2048,
        )  # fmt: skip
        session.add(served)
        session.flush()
        return served.id, version.id

    def hold_a_card(self) -> None:
        """One more card, of a node by chance, is held by a replica."""
        assert self.served is not None
        node = self.chance.choice(self.nodes)
        card = self.chance.choice(node.cards)
        layout = Layout("vllm-cuda", card.family, card.memory_bytes, product=card.product)
        seat = Seat(layout=layout, parts=(Part(node.node_id, (card.index,), (card.key,)),))
        with transaction(self.factory) as session:
            served, version = self.served
            placements.add(session, key=new_uuid(), served_model_id=served, version_id=version, seat=seat)

    def time(self, name: str, work: Callable[[], int]) -> int:
        begun = clock.monotonic()
        size = work()
        self.seconds.setdefault(name, []).append(clock.monotonic() - begun)
        return size

    def ask(self, **query: str | int) -> int:
        answer = self.client.get("/api/v1/catalogue", params={"fits": "true", **query})
        answer.raise_for_status()
        return len(answer.content)

    def work_out_anew(self) -> int:
        """What an endpoint would do that keeps nothing: every row read and every sum made for this one answer."""
        with transaction(self.factory) as session:
            listing = Shelf().listing(session)
            fits = FitsHere(kv_cache_bytes=int(self.settings.engines.kv_cache_gib * GIB))(session, listing)
        items = [
            CatalogueAnswer(
                id=name, task=shown.entry.task, family=shown.entry.family, listed=True, origin=shown.mark.origin,
                overrides=shown.overrides, entry=shown.entry, warnings=[], fits=fits[name],
            )
            for name, shown in listing.shown.items()
        ]  # fmt: skip
        return len(list_answer(items).model_dump_json())

    def round(self, number: int) -> None:
        self.time(WARM, self.ask)
        self.time(PAGED, lambda: self.ask(limit=PAGE, after=f"custom-{number:04}"))
        self.hold_a_card()
        self.time(CHANGED, self.ask)
        self.add([made_up_entry(f"late-{number:04}", self.chance)])
        self.time(ADDED, self.ask)
        self.time(PEER, self.work_out_anew)


def heartbeat(node: NodeView) -> dict[str, Any]:
    return Heartbeat(
        node_id=UUID(hex=node.node_id.removeprefix("node-")),
        hostname=node.hostname,
        address="10.0.0.1",
        appliance_version="0.1.0",
        os="made up",
        architecture="x86_64",
        cpu_model="made up",
        cpu_count=128,
        memory_bytes=node.host_memory_bytes,
        card_groups={family: dict(sizes) for family, sizes in node.card_groups.items()},
        numa_nodes=tuple(NumaReport(index=numa.index, cores=numa.cores) for numa in node.numa_nodes),
        engine_packs=tuple(sorted(node.packs)),
        accelerators=tuple(
            AcceleratorReport(
                key=card.key, index=card.index, vendor="made up", family=card.family, name=card.product,
                memory_bytes=card.memory_bytes, numa_node=card.numa_node,
                links=tuple(LinkReport(peer_index=peer, kind=kind.value) for peer, kind in card.links.items()),
            )
            for card in node.cards
        ),
    ).model_dump(mode="json")  # fmt: skip


def made_up_nodes(count: int, chance: random.Random) -> Iterator[NodeView]:
    """With a pack for the processor too, so that every entry has a way there."""
    for number in range(count):
        node = made_up_node(number, chance)
        yield replace(node, node_id=public_id("node", new_uuid()), packs=node.packs | {"vllm-cpu"})


@contextmanager
def database() -> Generator[Settings]:
    root = Path(tempfile.mkdtemp(prefix="ts-bench-pg-"))
    settings = Settings.model_validate({"home": root})
    prepare_home(settings.paths)
    process = start_server(settings.paths)
    try:
        server = PostgresServer(settings)
        server.run("CREATE DATABASE bench")
        migrate(server.database("bench"))
        yield server.database("bench")
    finally:
        stop_server(process)
        shutil.rmtree(settings.paths.run, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--shipped", type=int, default=80)
    parser.add_argument("--custom", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    chance = random.Random(given.seed)  # noqa: S311 (nothing here is secret)
    logs.configure(service="benchmark", level="warning")
    with database() as settings:
        factory = make_session_factory(make_engine(settings))
        application = build_application(Parts(settings, factory, lambda _: None))
        headers = {"authorization": f"Bearer {read_secret(settings.paths, Secret.ADMIN_TOKEN)}"}
        nodes = list(made_up_nodes(given.nodes, chance))
        with TestClient(application, headers=headers) as client:
            bench = Bench(settings, factory, client, nodes, chance)
            bench.fill(shipped=given.shipped, custom=given.custom)
            size = bench.time("first of the process", bench.ask)
            for number in range(given.rounds):
                bench.round(number)
        factory.kw["bind"].dispose()
    medians = {name: median(each) for name, each in bench.seconds.items()}
    if given.as_json:
        print(json.dumps({"medians_seconds": medians, "rounds": bench.seconds, "answer_bytes": size}))
        return
    print(f"{given.shipped} + {given.custom} entries of 3 forms each, {given.nodes} nodes of 8 cards, answer of "
          f"{size / 1e6:.1f} MB; {read_processor().name}; medians of {given.rounds} rounds")  # fmt: skip
    for name, seconds in medians.items():
        print(f"  {name:32} {seconds * 1000:8.1f} ms")
    print(f"(under {WANTED_SECONDS * 1000:.0f} ms wanted)")


if __name__ == "__main__":
    main()
