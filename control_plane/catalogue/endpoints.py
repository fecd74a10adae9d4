"""`/api/v1/catalogue`: entries as they are in the catalogue; their id is their name."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from control_plane.access.dependencies import CurrentUser
from control_plane.catalogue import repository, service
from control_plane.catalogue.tables import CatalogModel
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import ListAnswer, list_answer
from model_catalog.schema import LAST_IN_ORDER, CatalogueEntry

router = APIRouter(prefix="/api/v1/catalogue", tags=["catalogue"])


class CatalogueAnswer(BaseModel):
    """`entry` is the catalogue's own text, figures with their evidence included."""

    object: Literal["catalogue.model"] = "catalogue.model"
    id: str
    task: str
    family: str
    listed: bool
    entry: CatalogueEntry


def catalogue_answer(row: CatalogModel) -> CatalogueAnswer:
    return CatalogueAnswer(
        id=row.name, task=row.task, family=row.family, listed=row.removed_at is None, entry=service.entry_of(row)
    )


@router.get("")
def list_catalogue(session: DbSession, _: CurrentUser) -> ListAnswer[CatalogueAnswer]:
    """All of them, as people see them: by their `order`, then by name."""
    rows = sorted(repository.listed(session), key=lambda row: (row.entry.get("order", LAST_IN_ORDER), row.name))
    return list_answer([catalogue_answer(row) for row in rows])


@router.get("/{name}")
def get_catalogue_model(session: DbSession, _: CurrentUser, name: str) -> CatalogueAnswer:
    return catalogue_answer(service.find_row(session, name))
