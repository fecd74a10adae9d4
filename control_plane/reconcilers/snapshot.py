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

from appliance.base import clock
from appliance.base.contracts.snapshot import (
    SNAPSHOT_CHANNEL,
    SNAPSHOT_FILE,
    Snapshot,
    SnapshotKey,
    SnapshotModel,
    Task,
)
from appliance.base.files import write_atomically
from appliance.base.ids import public_id
from appliance.base.logs import get_logger
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import SessionFactory, transaction
from control_plane.keys.repository import live_keys
from control_plane.keys.tables import ApiKey
from control_plane.served_models.repository import all_served
from control_plane.served_models.tables import DesiredState, ServedModel
from control_plane.tenants.repository import first_organization, first_project

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
            models = snapshot_models(all_served(session), shared_project_id=shared.id if shared else None)
        path = self.folder / SNAPSHOT_FILE
        before = read_snapshot(path)
        content = Snapshot(version=0, keys=tuple(keys), models=models)
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


def snapshot_models(served: Sequence[ServedModel], *, shared_project_id: UUID | None) -> tuple[SnapshotModel, ...]:
    """Every model that is not being removed; one that is stopped or starting answers `not ready` rather than
    `unknown`. Those of the default project are for every project's keys.
    """
    return tuple(
        SnapshotModel(
            name=each.name,
            served_model_id=public_id("srv", each.id),
            project_id=None if each.project_id == shared_project_id else public_id("proj", each.project_id),
            task=served_task(each),
            max_model_len=each.max_model_len,
            owned_by=OWNER,
            created=int(each.created_at.timestamp()),
        )
        for each in served
        if each.desired_state is DesiredState.SERVING
    )


def served_task(served: ServedModel) -> Task:
    return "embedding" if served.task == "embedding" else "chat"


def read_snapshot(path: Path) -> Snapshot | None:
    """What the file says; None when it is missing, damaged or from another release, and is written anew."""
    try:
        return Snapshot.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def same_content(one: Snapshot, other: Snapshot) -> bool:
    return (one.format, one.keys, one.models) == (other.format, other.keys, other.models)


def next_version(before: Snapshot | None) -> int:
    """Rises also when the file was lost: never below the time in seconds."""
    return max((before.version if before else 0) + 1, clock.unix_seconds())
