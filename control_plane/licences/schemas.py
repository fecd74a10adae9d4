"""Licences on the wire. No answer holds a wrapped key; the signed file itself is never given out again."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.licences.envelope import LARGEST_BYTES
from appliance.licences.standing import LicenceState, Standing
from control_plane.licences.seats import Card
from control_plane.licences.tables import AppliedLicence, VendorRoot


class SignedFile(BaseModel):
    """The whole text of a signed file, byte by byte as it came."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    document: str = Field(min_length=1, max_length=LARGEST_BYTES)


class TrustRequest(SignedFile):
    """`fingerprint`: what the vendor told the admin by another way."""

    fingerprint: str = Field(min_length=64, max_length=64)


class RequestAnswer(BaseModel):
    object: Literal["licence.request"] = "licence.request"
    document: str


class ApplyAnswer(BaseModel):
    """`kind`: what the file was, `licence` or `revocations`."""

    object: Literal["licence.applied"] = "licence.applied"
    kind: str


class RootAnswer(BaseModel):
    object: Literal["licence.root"] = "licence.root"
    id: str
    name: str
    created_at: int


class LicensedArtifactAnswer(BaseModel):
    digest: str
    name: str


class LicenceAnswer(BaseModel):
    """`state_reason` is a sentence. `days_left` is below 0 after the term. `warning_days`: 30, 14, 7 or 1 was reached.

    `cards_in_use` are counted over all nodes; `accelerator_families` empty: any.
    """

    object: Literal["licence"] = "licence"
    id: str
    customer: str
    vendor: str
    state: LicenceState
    state_reason: str
    may_load: bool
    days_left: int
    warning_days: int | None
    not_before: int
    not_after: int
    grace_days: int
    max_cards: int
    max_nodes: int
    cards_in_use: int
    nodes_in_use: int
    accelerator_families: list[str]
    features: list[str]
    artifacts: list[LicensedArtifactAnswer]
    box_id: str
    applied_at: int


def root_answer(root: VendorRoot) -> RootAnswer:
    return RootAnswer(id=root.fingerprint, name=root.name, created_at=unix(root.created_at))


def licence_answer(row: AppliedLicence, standing: Standing, *, vendor: str, cards: Collection[Card]) -> LicenceAnswer:
    licence = standing.licence
    return LicenceAnswer(
        id=licence.id,
        customer=licence.customer,
        vendor=vendor,
        state=standing.state,
        state_reason=standing.sentence,
        may_load=standing.loads,
        days_left=standing.days_left,
        warning_days=standing.warning_days,
        not_before=licence.not_before,
        not_after=licence.not_after,
        grace_days=licence.grace_days,
        max_cards=licence.max_cards,
        max_nodes=licence.max_nodes,
        cards_in_use=len(cards),
        nodes_in_use=len({card.node_id for card in cards}),
        accelerator_families=licence.accelerator_families,
        features=licence.features,
        artifacts=[LicensedArtifactAnswer(digest=one.digest, name=one.name) for one in licence.artifacts],
        box_id=licence.box.box_id,
        applied_at=unix(row.created_at),
    )


def unix(time: datetime) -> int:
    return int(time.timestamp())
