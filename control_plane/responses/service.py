"""Put responses away and find them again, each for its project alone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.contracts.forwarded import ForwardedPrincipal
from appliance.base.errors import BadRequest, NotFound, Unauthenticated
from appliance.base.ids import parse_public_id
from control_plane.responses import repository
from control_plane.responses.tables import StoredResponse

KEPT = timedelta(days=30)
"""As long as OpenAI keeps them."""
PREFIX = "resp_"
UUID_DIGITS = 32


def parse_response_id(text: str) -> UUID | None:
    """`resp_` and the 32 hexadecimal digits of the request that made it."""
    digits = text.removeprefix(PREFIX)
    if digits == text or len(digits) != UUID_DIGITS:
        return None
    try:
        return UUID(hex=digits)
    except ValueError:
        return None


def project_of(principal: ForwardedPrincipal) -> UUID:
    project_id = parse_public_id("proj", principal.project_id)
    if project_id is None:
        raise Unauthenticated("This API key belongs to no project.")
    return project_id


def find(session: Session, principal: ForwardedPrincipal, response_id: str) -> StoredResponse:
    key = parse_response_id(response_id)
    found = repository.find(session, key, project_id=project_of(principal), at=clock.now()) if key else None
    if found is None:
        raise NotFound(f"There is no response {response_id[:80]!r}.", param="response_id")
    return found


def put(
    session: Session,
    principal: ForwardedPrincipal,
    response_id: str,
    *,
    body: dict[str, Any],
    items: list[Any],
    previous_id: str | None,
) -> None:
    now, key = clock.now(), parse_response_id(response_id)
    key_id = parse_public_id("key", principal.key_id)
    previous = parse_response_id(previous_id) if previous_id else None
    if key is None or key_id is None or (previous_id and previous is None):
        raise BadRequest("That is not the id of a response.", param="response_id")
    repository.sweep(session, at=now)
    response = StoredResponse(
        id=key,
        project_id=project_of(principal),
        key_id=key_id,
        body=body,
        items=items,
        previous_id=previous,
        expires_at=now + KEPT,
    )
    repository.put(session, response)


def items_before(session: Session, principal: ForwardedPrincipal, response_id: str) -> list[Any]:
    """The conversation up to and with this response. A gap is refused: an answer without its past would be wrong."""
    key = parse_response_id(response_id)
    project_id = project_of(principal)
    found = list(repository.chain(session, key, project_id=project_id, at=clock.now())) if key else []
    if not found:
        raise NotFound(f"There is no response {response_id[:80]!r}.", param="previous_response_id")
    if found[0].previous_id is not None:
        raise NotFound("A response before this one was deleted, or has expired.", param="previous_response_id")
    return [item for each in found for item in [*each.items, *each.body.get("output", [])]]


def remove(session: Session, principal: ForwardedPrincipal, response_id: str) -> None:
    key = parse_response_id(response_id)
    if key is None or not repository.remove(session, key, project_id=project_of(principal)):
        raise NotFound(f"There is no response {response_id[:80]!r}.", param="response_id")
