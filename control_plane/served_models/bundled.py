"""A new box serves its bundled models by itself, chat first. Once: after that the admin has the last word."""

from sqlalchemy.orm import Session

from control_plane.access.domain import SYSTEM
from control_plane.served_models import repository
from control_plane.served_models.service import NewServedModel, create
from control_plane.served_models.tables import BundledIntent, ManagedBy, ServedModel
from control_plane.versions import service as versions
from control_plane.versions.tables import VersionState

BUNDLED_MODELS = ("sails-guide", "all-minilm-l6-v2")
"""In the order of their start: each waits for the one before to be ready."""


def ensure_bundled(session: Session) -> None:
    """For the first-run rows, after the catalogue's sync. What was stopped or removed stays so; a failed import is
    tried anew.
    """
    before: ServedModel | None = None
    for name in BUNDLED_MODELS:
        if repository.bundled_intent(session, name) is None:
            session.add(BundledIntent(model_name=name))
            before = serve_once(session, name, after=before)
        else:
            before = repository.by_name(session, name)
            if before is not None:
                retry_import(session, before)


def serve_once(session: Session, name: str, *, after: ServedModel | None) -> ServedModel:
    """A name that somebody took already is left alone."""
    served = repository.by_name(session, name)
    if served is not None:
        return served
    wanted = NewServedModel(
        name=name, model=name, managed_by=ManagedBy.CLI, start_after_id=after.id if after is not None else None
    )
    return create(session, SYSTEM, wanted)


def retry_import(session: Session, served: ServedModel) -> None:
    version = versions.repository.version_by_id(session, served.version_id)
    if version is not None and version.state is VersionState.FAILED:
        versions.import_again(session, SYSTEM, version)
