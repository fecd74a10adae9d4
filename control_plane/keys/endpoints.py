"""`/api/v1/keys`."""

from fastapi import APIRouter

from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import CurrentAdmin
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.keys import repository, service
from control_plane.keys.schemas import CreatedKeyAnswer, KeyAnswer, KeyRequest, key_answer

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])


@router.post("", status_code=201)
def create_key(session: DbSession, principal: CurrentAdmin, body: KeyRequest) -> CreatedKeyAnswer:
    """Make a key; its secret is in this answer and nowhere else."""
    project_id = parse_public_id("proj", body.project_id) if body.project_id else None
    if body.project_id and project_id is None:
        raise BadRequest("`project_id` is not the id of a project.", param="project_id")
    wanted = service.NewKey(
        name=body.name, project_id=project_id, allowed_models=body.allowed_models, expires_at=body.expiry
    )
    key, secret = service.create_key(session, principal, wanted)
    return CreatedKeyAnswer(**key_answer(key).model_dump(), secret=secret.text)


@router.get("")
def list_keys(
    session: DbSession,
    _: CurrentAdmin,
    after: After = None,
    limit: Limit = 20,
    project_id: str | None = None,
    include_revoked: bool = False,
) -> ListAnswer[KeyAnswer]:
    project = parse_public_id("proj", project_id) if project_id else None
    if project_id and project is None:
        raise BadRequest("`project_id` is not the id of a project.", param="project_id")
    page = repository.keys_page(
        session,
        page_query("key", after=after, limit=limit),
        project_id=project,
        include_revoked=include_revoked,
    )
    return list_answer([key_answer(key) for key in page.rows], has_more=page.has_more)


@router.delete("/{key_id}")
def revoke_key(session: DbSession, principal: CurrentAdmin, key_id: str) -> KeyAnswer:
    """Revoke a key. Gateways refuse it within two seconds."""
    key = parse_public_id("key", key_id)
    if key is None:
        raise NotFound(f"There is no key {key_id[:80]!r}.", param="key_id")
    return key_answer(service.revoke_key(session, principal, key))
