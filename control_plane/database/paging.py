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
Before = Annotated[str | None, Query(description="The first id of the page after.")]


class ListAnswer(BaseModel, Generic[ItemT]):
    """OpenAI's list envelope."""

    object: Literal["list"] = "list"
    data: list[ItemT]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False


@dataclass(frozen=True)
class PageQuery:
    """`after` and `before` are keys of rows; `newest_first` turns the order of the keys (UUIDv7: creation) around."""

    limit: int = 20
    after: UUID | None = None
    newest_first: bool = False
    before: UUID | None = None


@dataclass(frozen=True)
class Page(Generic[RowT]):
    rows: Sequence[RowT]
    has_more: bool


def page_query(
    prefix: str, *, after: str | None, limit: int, newest_first: bool = False, before: str | None = None
) -> PageQuery:
    """Parse what the client sent; raises BadRequest where `after` or `before` is no id of this kind."""
    return PageQuery(
        limit=limit,
        after=place(prefix, after, param="after"),
        newest_first=newest_first,
        before=place(prefix, before, param="before"),
    )


def place(prefix: str, text: str | None, *, param: str) -> UUID | None:
    key = parse_public_id(prefix, text) if text is not None else None
    if text is not None and key is None:
        raise BadRequest(f"`{param}` is not the id of an entry of this list: {text[:80]!r}.", param=param)
    return key


def read_page(
    session: Session, statement: Select[RowT], key: InstrumentedAttribute[UUID], query: PageQuery
) -> Page[RowT]:
    """One page of `statement`, ordered by `key`. With `before` alone it is the page that ends there; `has_more` then
    says whether anything lies before it.
    """
    if query.after is not None:
        statement = statement.where(key < query.after if query.newest_first else key > query.after)
    if query.before is not None:
        statement = statement.where(key > query.before if query.newest_first else key < query.before)
    backwards = query.before is not None and query.after is None
    ordered = statement.order_by(key.desc() if query.newest_first is not backwards else key.asc())
    rows = session.scalars(ordered.limit(query.limit + 1)).all()
    page = rows[: query.limit]
    return Page(rows=page[::-1] if backwards else page, has_more=len(rows) > query.limit)


def list_answer(items: Sequence[ItemT], *, has_more: bool = False) -> ListAnswer[Any]:
    """The envelope of items that have an `id`."""
    ids = [str(item.model_dump(include={"id"})["id"]) for item in items]
    return ListAnswer[Any](
        data=list(items), first_id=ids[0] if ids else None, last_id=ids[-1] if ids else None, has_more=has_more
    )
