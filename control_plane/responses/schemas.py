"""Stored responses on the wire."""

from typing import Any, Literal

from pydantic import BaseModel


class ResponseToStore(BaseModel):
    """What a gateway puts: the response as the client got it, and the items of its request."""

    body: dict[str, Any]
    input_items: list[dict[str, Any]]
    previous_id: str | None = None


class StoredAnswer(BaseModel):
    id: str
    object: Literal["stored_response"] = "stored_response"


class ChainAnswer(BaseModel):
    """All items of the conversation, oldest first."""

    object: Literal["response.chain"] = "response.chain"
    items: list[dict[str, Any]]


class DeletedResponse(BaseModel):
    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


class ItemListAnswer(BaseModel):
    """OpenAI's list of input items."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool
