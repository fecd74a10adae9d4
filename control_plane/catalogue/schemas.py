"""The catalogue on the wire."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field

from appliance.base.errors import BadRequest
from control_plane.catalogue.tables import AppliedUpdate, Origin
from model_catalog.admission import require_few_parts
from model_catalog.advice import AdviceCode, advice_on
from model_catalog.schema import CatalogueEntry

MOST_ENTRIES = 1000


class FitsVerdict(StrEnum):
    """`if_empty`: with nothing else on the nodes that are ready."""

    NOW = "now"
    IF_EMPTY = "if_empty"
    NEVER = "never"


class FitsAnswer(BaseModel):
    """Whether one replica finds a place on the nodes that are there now, alone beside what runs.

    `variant`, `pack`, `product` and `cards` say in which form and on what (0 cards: on the processor), null where it
    never does. `reason` says what is in the way.
    """

    verdict: FitsVerdict
    variant: str | None = None
    pack: str | None = None
    product: str | None = None
    cards: int | None = None
    evidence: str | None = Field(default=None, description="`measured`, `vendor documentation` or `computed`.")
    reason: str | None = None


class AdviceAnswer(BaseModel):
    """A warning that stops nothing: a retirement that is near or past, a licence that asks something of its user."""

    code: AdviceCode
    message: str


def advice_answers(entry: CatalogueEntry, *, today: date) -> list[AdviceAnswer]:
    return [AdviceAnswer(code=each.code, message=each.message) for each in advice_on(entry, today=today)]


class CatalogueAnswer(BaseModel):
    """`entry` is the catalogue's own text, figures with their evidence included. `fits` is null unless asked for.

    `overrides`: it stands in the place of an entry of the same name from the release or an update.
    """

    object: Literal["catalogue.model"] = "catalogue.model"
    id: str
    task: str
    family: str
    listed: bool
    origin: Origin
    overrides: bool
    entry: CatalogueEntry
    warnings: list[AdviceAnswer]
    fits: FitsAnswer | None = None


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


def few_parts(document: object) -> object:
    """Before pydantic looks at it: that keeps every error that it finds."""
    try:
        require_few_parts(document, number=0)
    except BadRequest as error:
        raise ValueError(error.message) from error
    return document


BoundedEntry = Annotated[CatalogueEntry, BeforeValidator(few_parts)]


class EntriesRequest(Body):
    entries: Annotated[list[BoundedEntry], Field(min_length=1, max_length=MOST_ENTRIES), FailFast()]
    overrides: bool = Field(default=False, description="They may take names that the appliance's own entries have.")
    replaces: bool = Field(default=False, description="They may take the place of custom entries of the same names.")


class EntryRequest(Body):
    entry: BoundedEntry
    overrides: bool = Field(default=False, description="It may take the name of one of the appliance's own entries.")


class EntriesAnswer(BaseModel):
    object: Literal["catalogue.entries"] = "catalogue.entries"
    names: list[str]


class RemovedEntry(BaseModel):
    """`remaining`: the release or an update has an entry of that name, which counts again."""

    object: Literal["catalogue.entry.removed"] = "catalogue.entry.removed"
    id: str
    remaining: bool


class UpdateAnswer(BaseModel):
    """`key` is the SHA-256 of the raw public key whose signature was right."""

    object: Literal["catalogue.update"] = "catalogue.update"
    sequence: int
    issued_at: int
    expires_at: int | None
    key: str
    entries: int


def update_answer(applied: AppliedUpdate) -> UpdateAnswer:
    return UpdateAnswer(
        sequence=applied.sequence,
        issued_at=int(applied.issued_at.timestamp()),
        expires_at=int(applied.expires_at.timestamp()) if applied.expires_at else None,
        key=applied.key,
        entries=applied.entries,
    )
