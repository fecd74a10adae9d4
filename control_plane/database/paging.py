"""Lists as OpenAI answers them: `after` is the last id of the page before, `has_more` says whether to go on.

OpenAI's clients page until `has_more` is false, so it is always there and true only when it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from appliance.base.errors import BadRequest
from appliance.base.ids import parse_public_id

RowT = TypeVar("RowT")
ItemT = TypeVar("ItemT", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=100, description="How many entries at most.")]
After = Annotated[str | None, Query(description="The last id of the page before.")]


class ListAnswer(BaseModel, Generic[ItemT]):
    """OpenAI's list envelope."""

    object: Literal["list"] = "list"
    data: list[ItemT]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False


@dataclass(frozen=True)
class PageQuery:
    """`after` is a row's key; `newest_first` turns the order of the keys (UUIDv7: of creation) around."""

    limit: int = 20
    after: UUID | None = None
    newest_first: bool = False


@dataclass(frozen=True)
class Page(Generic[RowT]):
    rows: Sequence[RowT]
    has_more: bool


def page_query(prefix: str, *, after: str | None, limit: int, newest_first: bool = False) -> PageQuery:
    """Parse what the client sent; raises BadRequest where `after` is no id of this kind."""
    key = parse_public_id(prefix, after) if after is not None else None
    if after is not None and key is None:
        raise BadRequest(f"`after` is not the id of an entry of this list: {after[:80]!r}.", param="after")
    return PageQuery(limit=limit, after=key, newest_first=newest_first)


def read_page(
    session: Session, statement: Select[RowT], key: InstrumentedAttribute[UUID], query: PageQuery
) -> Page[RowT]:
    """One page of `statement`, ordered by `key`."""
    if query.after is not None:
        statement = statement.where(key < query.after if query.newest_first else key > query.after)
    ordered = statement.order_by(key.desc() if query.newest_first else key.asc())
    rows = session.scalars(ordered.limit(query.limit + 1)).all()
    return Page(rows=rows[: query.limit], has_more=len(rows) > query.limit)


def list_answer(items: Sequence[ItemT], *, has_more: bool = False) -> ListAnswer[Any]:
    """The envelope of items that have an `id`."""
    ids = [str(item.model_dump(include={"id"})["id"]) for item in items]
    return ListAnswer[Any](
        data=list(items), first_id=ids[0] if ids else None, last_id=ids[-1] if ids else None, has_more=has_more
    )
