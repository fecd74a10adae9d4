"""`/api/v1/catalogue`: the entries that count, whether they fit here, an admin's own, and signed updates.

An entry's id is its name. The list is written from JSON that the process keeps (`shelf`), hence the bare responses.
"""

from collections.abc import Mapping
from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Body, Query, Request, Response
from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest
from appliance.base.settings import Settings
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.catalogue import custom, repository, service, updates
from control_plane.catalogue.repository import Mark
from control_plane.catalogue.schemas import (
    CatalogueAnswer,
    EntriesAnswer,
    EntriesRequest,
    EntryRequest,
    FitsAnswer,
    RemovedEntry,
    UpdateAnswer,
    update_answer,
)
from control_plane.catalogue.shelf import Listing, Shelf, Shown, shown_of
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import ListAnswer

router = APIRouter(prefix="/api/v1/catalogue", tags=["catalogue"])

Reads = Annotated[Principal, needs(Permission.CATALOGUE_READ)]
Writes = Annotated[Principal, needs(Permission.CATALOGUE_WRITE)]

MOST_PER_PAGE = 5000

WithFits = Annotated[bool, Query(description="Say of each entry whether it fits on the nodes that are there now.")]
PageSize = Annotated[int | None, Query(ge=1, le=MOST_PER_PAGE, description="All when left out.")]
AfterName = Annotated[str | None, Query(max_length=200, description="The last id of the page before.")]


class FitsHere(Protocol):
    """`placements.fits_here.FitsHere` is one; placing is above the catalogue."""

    def __call__(self, session: Session, listing: Listing) -> Mapping[str, FitsAnswer]: ...


def shelf_of(request: Request) -> Shelf:
    return cast(Shelf, request.app.state.shelf)


def fits_of(request: Request, session: Session, listing: Listing, *, wanted: bool) -> Mapping[str, FitsAnswer]:
    return cast(FitsHere, request.app.state.fits_here)(session, listing) if wanted else {}


@router.get("", response_model=ListAnswer[CatalogueAnswer])
def list_catalogue(
    request: Request,
    session: DbSession,
    _: Reads,
    fits: WithFits = False,
    after: AfterName = None,
    limit: PageSize = None,
) -> Response:
    """As people see them: by their `order`, then by name."""
    listing = shelf_of(request).listing(session)
    if after is not None and after not in listing.shown:
        raise BadRequest(f"No entry is called {after[:80]!r} any more.", hint="Begin the list anew.", param="after")
    answers = fits_of(request, session, listing, wanted=fits)
    names = list(listing.shown)
    names = names[names.index(after) + 1 :] if after is not None else names
    page = names if limit is None else names[:limit]
    items = [listing.shown[name].json(answers.get(name)) for name in page]
    return Response(list_json(items, page, has_more=len(page) < len(names)), media_type="application/json")


@router.get("/{name}", response_model=CatalogueAnswer)
def get_catalogue_model(request: Request, session: DbSession, _: Reads, name: str, fits: WithFits = False) -> Response:
    """Also one that the release no longer carries; that is not listed."""
    listing = shelf_of(request).listing(session)
    shown = listing.shown.get(name) or unlisted(session, name)
    answers = fits_of(request, session, listing, wanted=fits)
    return Response(shown.json(answers.get(name)), media_type="application/json")


@router.post("/entries", status_code=201)
def create_catalogue_entries(session: DbSession, admin: Writes, body: EntriesRequest) -> EntriesAnswer:
    """An admin's own entries, all or none."""
    custom.add_entries(session, admin, body.entries, overrides=body.overrides, replaces=body.replaces)
    return EntriesAnswer(names=[entry.name for entry in body.entries])


@router.put("/entries/{name}")
def replace_catalogue_entry(session: DbSession, admin: Writes, name: str, body: EntryRequest) -> EntriesAnswer:
    if body.entry.name != name:
        raise BadRequest(f"The entry is called {body.entry.name!r}, its address {name[:80]!r}.", param="entry.name")
    custom.replace_entry(session, admin, body.entry, overrides=body.overrides)
    return EntriesAnswer(names=[name])


@router.delete("/entries/{name}")
def remove_catalogue_entry(session: DbSession, admin: Writes, name: str) -> RemovedEntry:
    """Versions and served models go on; an entry of that name in the release or an update counts again."""
    custom.remove_entry(session, admin, name)
    return RemovedEntry(id=name, remaining=name in repository.names(session, origins=custom.CARRIED))


@router.post("/updates", status_code=201)
def apply_catalogue_update(
    request: Request,
    session: DbSession,
    admin: Writes,
    body: Annotated[bytes, Body(media_type="application/octet-stream")],
) -> UpdateAnswer:
    """A signed update, as the file is. It replaces what the update before it brought."""
    settings = cast(Settings, request.app.state.settings)
    return update_answer(updates.apply_update(session, admin, body, home=settings.paths.root))


def unlisted(session: Session, name: str) -> Shown:
    row = service.find_row(session, name)
    mark = Mark(row.id, row.name, row.origin, row.digest)
    entry, today = service.entry_of(row), clock.now().date()
    return shown_of(mark, entry, overrides=False, today=today, listed=row.removed_at is None)


def list_json(items: list[bytes], names: list[str], *, has_more: bool) -> bytes:
    """`ListAnswer` as bytes; a name needs no escaping (`model_catalog.schema.Name`)."""
    first, last = (f'"{names[0]}"', f'"{names[-1]}"') if names else ("null", "null")
    more = "true" if has_more else "false"
    end = f'],"first_id":{first},"last_id":{last},"has_more":{more}}}'
    return b'{"object":"list","data":[' + b",".join(items) + end.encode()
