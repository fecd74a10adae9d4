"""`snapshot`: write what the gateway knows of keys and models whenever it has changed, and hurry the gateways.

It runs every second, also without Redis, so a revoked key is out of the file within a second and refused within two.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import redis
from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.contracts.snapshot import (
    SNAPSHOT_CHANNEL,
    SNAPSHOT_FILE,
    Snapshot,
    SnapshotKey,
    SnapshotModel,
)
from appliance.base.files import write_atomically
from appliance.base.ids import public_id
from appliance.base.logs import get_logger
from appliance.base.tasks import TASKS
from appliance.engines.pack import load_pack, pack_names
from control_plane.catalogue.repository import by_name
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import SessionFactory, transaction
from control_plane.keys.repository import live_keys
from control_plane.keys.tables import ApiKey
from control_plane.reconcilers.model_facts import ModelFacts, model_facts
from control_plane.routes.repository import all_endpoints, all_routes, endpoint_names
from control_plane.routes.snapshot import route_model, snapshot_endpoint, snapshot_route
from control_plane.served_models.repository import with_versions
from control_plane.served_models.tables import DesiredState, ServedModel
from control_plane.tenants.repository import first_organization, first_project
from control_plane.versions.tables import ModelVersion

INTERVAL_SECONDS = 1.0
OWNER = "thousand-sails"

log = get_logger(__name__)

Announce = Callable[[int], None]


@dataclass(frozen=True)
class SnapshotReconciler:
    factory: SessionFactory
    folder: Path
    announce: Announce
    interval_seconds: float = INTERVAL_SECONDS
    name: str = SNAPSHOT

    def run(self) -> int:
        with transaction(self.factory) as session:
            now, organization, shared = clock.now(), first_organization(session), first_project(session)
            organization_id = public_id("org", organization.id) if organization else None
            keys = [
                entry for key in live_keys(session, at=now) for entry in snapshot_keys(key, organization_id, at=now)
            ]
            rows_of_served = with_versions(session)
            facts = [(each, facts_in(session, each, version)) for each, version in rows_of_served]
            models = snapshot_models(facts, shared_project_id=shared.id if shared else None)
            endpoints = tuple(snapshot_endpoint(row) for row in all_endpoints(session))
            rows = all_routes(session)
            names = {**names_of_served([each for each, _ in rows_of_served]), **endpoint_names(session)}
        routes = tuple(snapshot_route(row, names=names) for row in rows)
        pairs = zip(rows, routes, strict=True)
        routed = tuple(route_model(row, route, models=models, owner=OWNER) for row, route in pairs)
        path = self.folder / SNAPSHOT_FILE
        before = read_snapshot(path)
        content = Snapshot(version=0, keys=tuple(keys), models=(*models, *routed), routes=routes, endpoints=endpoints)
        if before is None or not same_content(before, content):
            version = next_version(before)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(path, content.model_copy(update={"version": version}).model_dump_json().encode())
            log.info("snapshot_was_written", version=version, keys=len(keys), models=len(models))
            self.announce(version)
        return 0


def announcer(client: redis.Redis) -> Announce:
    """Best effort: the gateways read the file again within their refresh time anyway."""

    def announce(version: int) -> None:
        try:
            client.publish(SNAPSHOT_CHANNEL, str(version))  # pyright: ignore[reportUnknownMemberType]
        except redis.RedisError as error:
            log.warning("snapshot_was_not_announced", reason=str(error))

    return announce


def snapshot_keys(key: ApiKey, organization_id: str | None, *, at: datetime) -> list[SnapshotKey]:
    """One entry, and a second one while the secret before a rotation lives on."""
    current = SnapshotKey(
        key_id=public_id("key", key.id),
        digest=key.digest,
        project_id=public_id("proj", key.project_id),
        organization_id=organization_id,
        user_id=public_id("user", key.user_id) if key.user_id else None,
        service_account_id=public_id("svc", key.service_account_id) if key.service_account_id else None,
        allowed_models=tuple(key.allowed_models) if key.allowed_models is not None else None,
        scopes=tuple(key.scopes) if key.scopes is not None else None,
        allowed_networks=tuple(key.allowed_networks) if key.allowed_networks is not None else None,
        expires_at=key.expires_at.timestamp() if key.expires_at else None,
    )
    ends = key.previous_expires_at
    if key.previous_digest is None or ends is None or ends <= at:
        return [current]
    return [current, current.model_copy(update={"digest": key.previous_digest, "expires_at": ends.timestamp()})]


def facts_in(session: Session, served: ServedModel, version: ModelVersion) -> ModelFacts:
    """Read from the entry's row as it is: this runs each second."""
    row = by_name(session, version.model_name)
    pack = served.engine_pack or version.engine.get("pack")
    return model_facts(row.entry if row else None, pack=load_pack(pack) if pack in pack_names() else None)


def snapshot_models(
    served: Sequence[tuple[ServedModel, ModelFacts]], *, shared_project_id: UUID | None
) -> tuple[SnapshotModel, ...]:
    """Every model that is not being removed; one that is stopped or starting answers `not ready` rather than
    `unknown`. Those of the default project are for every project's keys.
    """
    return tuple(
        SnapshotModel(
            name=each.name,
            served_model_id=public_id("srv", each.id),
            project_id=None if each.project_id == shared_project_id else public_id("proj", each.project_id),
            task=TASKS[each.task],
            max_model_len=each.max_model_len,
            owned_by=OWNER,
            created=int(each.created_at.timestamp()),
            wakes=each.max_replicas is not None and each.min_replicas == 0,
            capabilities=facts.capabilities,
            fim_template=facts.fim_template,
        )
        for each, facts in served
        if each.desired_state is DesiredState.SERVING and each.task in TASKS
    )


def names_of_served(served: Sequence[ServedModel]) -> dict[UUID, str]:
    """What a route may lead to."""
    return {each.id: each.name for each in served if each.desired_state is DesiredState.SERVING}


def read_snapshot(path: Path) -> Snapshot | None:
    """What the file says; None when it is missing, damaged or from another release, and is written anew."""
    try:
        return Snapshot.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def same_content(one: Snapshot, other: Snapshot) -> bool:
    return one.model_copy(update={"version": 0}) == other.model_copy(update={"version": 0})


def next_version(before: Snapshot | None) -> int:
    """Rises also when the file was lost: never below the time in seconds."""
    return max((before.version if before else 0) + 1, clock.unix_seconds())
