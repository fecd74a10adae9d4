"""The reconciler process itself, on real PostgreSQL and Redis, with Ray's REST API played by the test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from appliance.base import clock
from appliance.base.box import Box, Ports, write_box
from appliance.base.child_env import child_env
from appliance.base.contracts.heartbeat import AcceleratorReport, HealthReport, Heartbeat, SelectorsReport
from appliance.base.contracts.replica_table import REPLICAS_KEY, ReplicaRecord
from appliance.base.contracts.snapshot import Snapshot
from appliance.base.ids import new_uuid, public_id
from appliance.base.paths import PROJECT_ROOT
from appliance.base.secret_files import Secret, write_secret
from appliance.base.settings import Settings
from control_plane.access.domain import SYSTEM
from control_plane.database.nudge import make_redis, nudge_publisher
from control_plane.database.session import SessionFactory, transaction
from control_plane.keys.service import NewKey, create_key, revoke_key
from control_plane.nodes.domain import DesiredNodeState
from control_plane.nodes.service import get_node, take_heartbeat, want
from control_plane.nodes.tables import Node
from control_plane.reconcilers.tables import ReconcilerStatus
from control_plane.served_models import service
from control_plane.served_models.repository import all_replicas, by_name
from control_plane.served_models.service import NewServedModel
from control_plane.served_models.tables import ObservedState, ReplicaState, ServedModel
from control_plane.tenants.service import ensure_default_tenant
from control_plane.versions.tables import ModelVersion, VersionState
from tests.fixtures.fake_serve import TOKEN, FakeServe
from tests.fixtures.heartbeats import beat
from tests.fixtures.redis import RedisServer
from tests.fixtures.waiting import wait_until

DIGEST = "ab" * 32


class ReconcilerBench:
    def __init__(self, settings: Settings, factory: SessionFactory, fake_serve: FakeServe, folder: Path) -> None:
        self.settings = settings
        self.factory = factory
        self.serve = fake_serve
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        ports = Ports(**{name: 20000 + number for number, name in enumerate(Ports.model_fields)})
        self.box = Box(node_id=new_uuid(), ports=ports)
        write_box(settings.paths, self.box)
        write_secret(settings.paths, Secret.RAY_TOKEN, TOKEN)
        self.publish = nudge_publisher(make_redis(settings))

    def start(self) -> subprocess.Popen[bytes]:
        environ = child_env(
            {
                "APPLIANCE_HOME": str(self.settings.home),
                "APPLIANCE_DATABASE__URL": str(self.settings.database.url),
                "APPLIANCE_CLUSTER__SERVE_URL": self.serve.url,
                "APPLIANCE_RECONCILE__INTERVAL_SECONDS": "1",
            }
        )
        with (self.folder / f"reconciler-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "control_plane.reconciler"], env=environ, cwd=PROJECT_ROOT, stderr=log
            )
        self.processes.append(process)
        return process

    def hear(self, node_id: UUID | None = None, **said: Any) -> Node:
        """A heartbeat of this box, or of another node."""
        told: dict[str, Any] = {"packs": ("vllm-cpu",), "weights": (DIGEST,), "cores": 4, **said}
        cards = told.pop("cards", ())
        heartbeat = Heartbeat.model_validate(beat(node_id or self.box.node_id, *cards, **told))
        with transaction(self.factory, publish=self.publish) as session:
            return take_heartbeat(session, SYSTEM, heartbeat)

    def drain(self, node: Node, desired: DesiredNodeState = DesiredNodeState.DRAINING) -> None:
        with transaction(self.factory, publish=self.publish) as session:
            want(session, SYSTEM, get_node(session, node.id), desired)

    def arguments(self) -> list[dict[str, Any]]:
        """Of every application that runs, the oldest first."""
        return [one["args"] for _, one in sorted(self.serve.applications.items())]

    def ready_model(self, name: str, *, sealed: str | None = None, **wanted: Any) -> UUID:
        """A served model whose weights are there; `sealed`: the artifact that a licence must name."""
        with transaction(self.factory, publish=self.publish) as session:
            project, _ = ensure_default_tenant(session)
            version = ModelVersion(
                project_id=project.id, model_name=name, task="chat", state=VersionState.READY, source={},
                engine={"max_model_len": 512, "sealed": sealed}, digest=DIGEST, path="/nowhere",
            )  # fmt: skip
            session.add(version)
            session.flush()
            wanted = {"name": name, "version_id": public_id("ver", version.id), **wanted}
            return service.create(session, SYSTEM, NewServedModel(**wanted)).id

    def served(self, name: str) -> ServedModel | None:
        with transaction(self.factory) as session:
            return by_name(session, name)

    def state(self, name: str) -> ObservedState | None:
        served = self.served(name)
        return served.observed_state if served else None

    def status(self, name: str) -> ReconcilerStatus | None:
        with transaction(self.factory) as session:
            return session.scalar(select(ReconcilerStatus).where(ReconcilerStatus.name == name))

    def error(self, name: str) -> str | None:
        row = self.status(name)
        return row.last_error if row else None

    def snapshot(self) -> Snapshot:
        path = self.settings.paths.snapshot / "gateway.json"
        return Snapshot.model_validate(json.loads(path.read_bytes())) if path.exists() else Snapshot(version=0)


@pytest.fixture
def bench(
    database_settings: Settings,
    session_factory: SessionFactory,
    redis_server: RedisServer,
    fake_serve: FakeServe,
    tmp_path: Path,
) -> Iterator[ReconcilerBench]:
    redis_server.client().flushall()  # pyright: ignore[reportUnknownMemberType]
    made = ReconcilerBench(database_settings, session_factory, fake_serve, tmp_path)
    made.hear()
    yield made
    for process in made.processes:
        process.terminate()
        assert process.wait(timeout=20) == 0
    with transaction(session_factory) as session:
        for table in ("replicas", "placements", "served_models", "model_versions", "reconcilers", "nodes"):
            session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  our own names


def test_a_model_is_put_seen_scaled_stopped_and_removed(bench: ReconcilerBench) -> None:
    bench.start()
    bench.ready_model("guide")
    wait_until(lambda: bench.state("guide") is ObservedState.READY, what="the model is ready")
    (first,) = bench.arguments()
    assert (first["model_name"], first["engine_pack"]) == ("guide", "vllm-cpu")
    assert (first["node_id"], first["is_pinned"], first["cores"]) == (
        public_id("node", bench.box.node_id),
        True,
        [0, 1, 2],
    )
    wait_until(lambda: [model.name for model in bench.snapshot().models] == ["guide"], what="the snapshot has it")
    puts = bench.serve.puts
    with transaction(bench.factory, publish=bench.publish) as session:
        service.scale(session, SYSTEM, "guide", desired_replicas=2, managed_by=None)
    wait_until(lambda: getattr(bench.served("guide"), "observed_replicas", 0) == 2, what="two replicas are seen")
    assert bench.serve.puts == puts + 1
    assert bench.arguments()[0] == first
    assert bench.arguments()[1]["cores"] == []
    with transaction(bench.factory, publish=bench.publish) as session:
        service.scale(session, SYSTEM, "guide", desired_replicas=0, managed_by=None)
    wait_until(lambda: bench.state("guide") is ObservedState.ABSENT, what="the model is stopped")
    assert bench.serve.applications == {}
    with transaction(bench.factory, publish=bench.publish) as session:
        service.remove(session, SYSTEM, "guide", managed_by=None)
    wait_until(lambda: bench.served("guide") is None, what="the row is gone")
    wait_until(lambda: bench.snapshot().models == (), what="the snapshot has it no longer")


def test_a_new_ray_head_gets_the_document_again_and_the_second_model_waits_for_the_first(
    bench: ReconcilerBench,
) -> None:
    bench.serve.status = "DEPLOYING"
    first = bench.ready_model("first")
    bench.ready_model("second", start_after_id=first)
    bench.start()

    def names() -> list[str]:
        return [one["model_name"] for one in bench.arguments()]

    wait_until(lambda: names() == ["first"], what="the first one is put")
    wait_until(lambda: bench.state("second") is ObservedState.WAITING, what="the second one waits")
    bench.serve.status = "RUNNING"
    wait_until(lambda: bench.state("second") is ObservedState.READY, what="the second one follows")
    bench.serve.forget()
    wait_until(lambda: len(names()) == 2, what="both are put again")
    assert set(names()) == {"first", "second"}


def test_what_has_no_place_waits_and_says_what_is_missing_on_each_node(bench: ReconcilerBench) -> None:
    bench.hear(packs=())
    bench.hear(new_uuid(), hostname="rack-2", weights=())
    bench.ready_model("guide", engine_pack="vllm-cpu")
    bench.start()
    wait_until(lambda: bench.state("guide") is ObservedState.WAITING, what="it waits")
    reason = getattr(bench.served("guide"), "observed_reason", "")
    assert "no engine pack vllm-cpu" in reason
    assert "rack-2" in reason
    bench.hear()
    wait_until(lambda: bench.state("guide") is ObservedState.READY, what="it runs once the pack is installed")


def test_a_replica_leaves_a_node_that_drains_once_another_answers(bench: ReconcilerBench) -> None:
    bench.ready_model("guide")
    bench.start()
    wait_until(lambda: bench.state("guide") is ObservedState.READY, what="it runs here")
    (first,) = bench.arguments()
    here = bench.hear()
    bench.drain(here)
    wait_until(lambda: "draining" in (getattr(bench.served("guide"), "observed_reason", "") or ""), what="it says so")
    assert bench.arguments() == [first]
    bench.serve.holds_starts = True
    bench.hear(new_uuid(), hostname="rack-2")
    wait_until(lambda: len(bench.arguments()) == 2, what="its replacement starts beside it")
    bench.serve.starting.clear()
    wait_until(lambda: len(bench.arguments()) == 1, what="the old one goes")
    assert bench.arguments()[0]["node_id"] != first["node_id"]
    wait_until(lambda: getattr(bench.served("guide"), "observed_reason", "") is None, what="nothing is left to say")


def test_a_drain_that_is_taken_back_moves_nothing(bench: ReconcilerBench) -> None:
    bench.ready_model("guide")
    bench.start()
    wait_until(lambda: bench.state("guide") is ObservedState.READY, what="it runs here")
    before = bench.arguments()
    here = bench.hear()
    bench.drain(here)
    wait_until(lambda: getattr(bench.served("guide"), "observed_reason", None) is not None, what="the drain is seen")
    bench.drain(here, DesiredNodeState.SERVING)
    wait_until(lambda: getattr(bench.served("guide"), "observed_reason", "") is None, what="it is forgotten")
    assert bench.arguments() == before


def test_cards_are_given_to_one_replica_each_by_the_names_that_the_node_told(bench: ReconcilerBench) -> None:
    cards = [card(number) for number in range(2)]
    bench.hear(packs=("vllm-cuda",), cards=cards)
    bench.ready_model("guide", engine_pack="vllm-cuda", desired_replicas=3)
    bench.start()
    wait_until(lambda: getattr(bench.served("guide"), "observed_replicas", 0) == 2, what="two of three run")
    chosen = {one["cards"]["CUDA_VISIBLE_DEVICES"] for one in bench.arguments()}
    assert chosen == {"GPU-0", "GPU-1"}
    assert "1 of 3 replicas found no place" in getattr(bench.served("guide"), "observed_reason", "")
    bench.hear(packs=("vllm-cuda",), cards=[cards[0], card(1, state="failed")])
    wait_until(
        lambda: "card" in (getattr(bench.served("guide"), "observed_reason", "") or ""), what="the failed card is told"
    )


def test_a_sealed_model_waits_for_a_licence_and_an_open_one_does_not(bench: ReconcilerBench) -> None:
    bench.ready_model("sealed", sealed="cd" * 32)
    bench.ready_model("open")
    bench.start()
    wait_until(lambda: bench.state("open") is ObservedState.READY, what="the open one runs")
    wait_until(lambda: bench.state("sealed") is ObservedState.WAITING, what="the sealed one waits")
    assert "licence" in getattr(bench.served("sealed"), "observed_reason", "")
    assert [one["model_name"] for one in bench.arguments()] == ["open"]


def card(number: int, *, state: str = "ok") -> AcceleratorReport:
    return AcceleratorReport(
        key=f"GPU-{number}", index=number, vendor="nvidia", family="cuda", name="NVIDIA H100 80GB HBM3",
        memory_bytes=80 * 2**30, health=HealthReport(state=state),
        selectors=SelectorsReport(process={"CUDA_VISIBLE_DEVICES": f"GPU-{number}"}),
    )  # fmt: skip


def test_a_failing_reconciler_says_so_and_stops_no_other(bench: ReconcilerBench) -> None:
    bench.serve.broken = True
    bench.ready_model("guide")
    bench.start()
    wait_until(lambda: "503" in (bench.error("serve") or ""), what="serve's error is in its row")
    wait_until(lambda: bench.state("guide") is ObservedState.UNHEALTHY, what="what runs is unknown")
    wait_until(lambda: len(bench.snapshot().models) == 1, what="the snapshot is written all the same")
    bench.serve.broken = False
    wait_until(lambda: bench.state("guide") is ObservedState.READY, what="it recovers by itself", seconds=60)
    wait_until(lambda: bench.error("serve") is None, what="the error is gone")
    assert bench.status("serve") is not None


def test_a_revoked_key_leaves_the_snapshot_within_two_seconds(bench: ReconcilerBench) -> None:
    with transaction(bench.factory) as session:
        project, _ = ensure_default_tenant(session)
        key, secret = create_key(session, SYSTEM, NewKey(name="a key", project_id=project.id))
    bench.start()
    wait_until(lambda: secret.digest in {each.digest for each in bench.snapshot().keys}, what="the key is known")
    version = bench.snapshot().version
    began = clock.monotonic()
    with transaction(bench.factory, publish=bench.publish) as session:
        revoke_key(session, SYSTEM, public_id("key", key.id))
    wait_until(
        lambda: secret.digest not in {each.digest for each in bench.snapshot().keys}, what="the key is out", seconds=2
    )
    assert clock.monotonic() - began < 2
    assert bench.snapshot().version > version


def test_replicas_of_the_live_table_become_rows_and_an_empty_redis_means_unknown(
    bench: ReconcilerBench, redis_server: RedisServer
) -> None:
    key = bench.ready_model("guide")
    now = clock.unix_time()
    record = ReplicaRecord(
        replica_id="rep-1", served_model_id=public_id("srv", key), version_id="ver-1", node_id="node-1",
        endpoint="unix:/nowhere", state="ready", engine_pid=1, replica_pid=2, started_at=now, published_at=now,
    )  # fmt: skip

    def publish() -> None:
        fresh = record.model_copy(update={"published_at": clock.unix_time()})
        redis_server.client().hset(REPLICAS_KEY, "rep-1", fresh.model_dump_json())  # pyright: ignore

    def states() -> list[ReplicaState]:
        with transaction(bench.factory) as session:
            return [replica.state for replica in all_replicas(session)]

    publish()
    redis_server.client().hset(REPLICAS_KEY, "rep-odd", "not json")  # pyright: ignore
    bench.start()
    wait_until(lambda: states() == [ReplicaState.READY], what="the replica has a row")
    redis_server.restart_empty()
    assert states() == [ReplicaState.READY]
    publish()
    wait_until(lambda: bench.error("replicas") is None and states() == [ReplicaState.READY], what="it is seen again")


def test_one_process_leads_and_another_takes_over(bench: ReconcilerBench) -> None:
    leader = bench.start()
    holder = f":{leader.pid}"
    wait_until(lambda: str(getattr(bench.status("snapshot"), "holder", "")).endswith(holder), what="the first leads")
    second = bench.start()
    os.kill(leader.pid, 9)
    leader.wait()
    bench.processes.remove(leader)
    holder = f":{second.pid}"
    wait_until(lambda: str(getattr(bench.status("snapshot"), "holder", "")).endswith(holder), what="the second leads")
    assert second.poll() is None


def test_a_broken_database_connection_is_survived(bench: ReconcilerBench) -> None:
    bench.start()
    bench.ready_model("guide")
    wait_until(lambda: bench.state("guide") is ObservedState.READY, what="it runs")
    with transaction(bench.factory) as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    bench.ready_model("second")
    wait_until(lambda: bench.state("second") is ObservedState.READY, what="it goes on")
    assert bench.processes[0].poll() is None
