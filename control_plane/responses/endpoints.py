"""`/v1/responses/{id}` for clients behind the gateway, and `/api/v1/stored-responses` for the gateway itself."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from appliance.base.errors import BadRequest
from control_plane.access.forwarded import CurrentKey
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit
from control_plane.responses import service
from control_plane.responses.schemas import (
    ChainAnswer,
    DeletedResponse,
    ItemListAnswer,
    ResponseToStore,
    StoredAnswer,
)

router = APIRouter(tags=["responses"])
Order = Annotated[Literal["asc", "desc"], Query(description="By place in the request.")]


@router.get("/v1/responses/{response_id}")
def get_response(session: DbSession, principal: CurrentKey, response_id: str) -> dict[str, Any]:
    return service.find(session, principal, response_id).body


@router.delete("/v1/responses/{response_id}")
def delete_response(session: DbSession, principal: CurrentKey, response_id: str) -> DeletedResponse:
    service.remove(session, principal, response_id)
    return DeletedResponse(id=response_id)


@router.post("/v1/responses/{response_id}/cancel")
def cancel_response(session: DbSession, principal: CurrentKey, response_id: str) -> dict[str, Any]:
    """Only a response in the background could be cancelled, and none is; 400, which no client tries again."""
    service.find(session, principal, response_id)
    raise BadRequest("Only a response that runs in the background can be cancelled; this one has ended.")


@router.get("/v1/responses/{response_id}/input_items")
def list_input_items(
    session: DbSession,
    principal: CurrentKey,
    response_id: str,
    after: After = None,
    limit: Limit = 20,
    order: Order = "desc",
) -> ItemListAnswer:
    """What the request of this response added to the conversation."""
    items = list(service.find(session, principal, response_id).items)
    if order == "desc":
        items.reverse()
    if after is not None:
        places = [place for place, item in enumerate(items) if item.get("id") == after]
        if not places:
            raise BadRequest(f"`after` is not the id of an item of this response: {after[:80]!r}.", param="after")
        items = items[places[0] + 1 :]
    page = items[:limit]
    return ItemListAnswer(
        data=page,
        first_id=page[0].get("id") if page else None,
        last_id=page[-1].get("id") if page else None,
        has_more=len(items) > limit,
    )


@router.put("/api/v1/stored-responses/{response_id}")
def store_response(
    session: DbSession, principal: CurrentKey, response_id: str, stored: ResponseToStore
) -> StoredAnswer:
    """Put a finished response away; again changes nothing."""
    service.put(
        session,
        principal,
        response_id,
        body=stored.body,
        items=stored.input_items,
        previous_id=stored.previous_id,
    )
    return StoredAnswer(id=response_id)


@router.get("/api/v1/stored-responses/{response_id}/chain")
def get_response_chain(session: DbSession, principal: CurrentKey, response_id: str) -> ChainAnswer:
    """The conversation up to and with this response."""
    return ChainAnswer(items=service.items_before(session, principal, response_id))
