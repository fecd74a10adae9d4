"""Who asks, and may they: a bearer key against the snapshot, and the models that a key sees. Pure."""

from collections.abc import Iterable

from appliance.base.contracts.snapshot import SnapshotKey, SnapshotModel, Task
from appliance.base.errors import BadRequest, Forbidden, ModelNotFound, Unauthenticated
from appliance.gateway.snapshot_file import Directory

MAX_KEY_CHARACTERS = 512


def find_secret(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The key from `Authorization: Bearer ...` or `x-api-key`; header names are lower case, as ASGI gives them."""
    alternative = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "bearer" and secret.strip():
                return secret.strip()
        elif name == b"x-api-key":
            alternative = value.decode("latin-1").strip()
    return alternative or None


def authenticate(directory: Directory, *, secret: str | None, now: float) -> SnapshotKey:
    """The live key with this secret; raises Unauthenticated, and never repeats the secret."""
    if secret is None:
        raise Unauthenticated("There is no API key in this request.", hint="Send it as `Authorization: Bearer <key>`.")
    key = directory.key_of(secret) if len(secret) <= MAX_KEY_CHARACTERS else None
    if key is None:
        raise Unauthenticated("This API key is unknown or revoked.", hint="`appliance keys create` makes a new one.")
    if key.expires_at is not None and key.expires_at <= now:
        raise Unauthenticated("This API key has expired.", hint="`appliance keys create` makes a new one.")
    return key


def find_model(directory: Directory, *, name: str, key: SnapshotKey) -> SnapshotModel:
    """The model with this public name; raises ModelNotFound, or Forbidden where the key is not meant for it."""
    model = directory.models.get(name)
    if model is None or not in_project(model, key):
        raise ModelNotFound(
            f"The model '{name[:100]}' does not exist.", hint="GET /v1/models lists what is served.", param="model"
        )
    if key.allowed_models is not None and name not in key.allowed_models:
        raise Forbidden(f"This API key may not use the model '{name}'.", param="model")
    return model


def require_task(model: SnapshotModel, *, tasks: frozenset[Task], path: str) -> None:
    if model.task not in tasks:
        raise BadRequest(
            f"The model '{model.name}' is for {model.task}, not for {path}.", param="model", code="wrong_task"
        )


def visible_models(directory: Directory, *, key: SnapshotKey) -> list[SnapshotModel]:
    """What this key may use, by name."""
    allowed = key.allowed_models
    return sorted(
        (
            model
            for model in directory.models.values()
            if in_project(model, key) and (allowed is None or model.name in allowed)
        ),
        key=lambda model: model.name,
    )


def in_project(model: SnapshotModel, key: SnapshotKey) -> bool:
    return model.project_id is None or model.project_id == key.project_id
