"""What a route is made of, without a database."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from appliance.base.contracts.routes import Target
from appliance.base.ids import public_id

UNKNOWN_CONTEXT = 131_072
"""Tokens that an endpoint elsewhere is taken to take where the admin did not say."""


class StoredTarget(BaseModel):
    """One target as the row keeps it: by ids, so that nothing breaks when an endpoint gets another name."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    served_model_id: UUID | None = None
    adapter: str | None = None
    endpoint_id: UUID | None = None
    model: str | None = None
    weight: int = 1

    @property
    def target_id(self) -> str:
        """Stays the same when weights change, so that sticky choices stay."""
        if self.served_model_id is not None:
            own = public_id("srv", self.served_model_id)
            return f"{own}+{self.adapter}" if self.adapter else own
        assert self.endpoint_id is not None
        return f"{public_id('end', self.endpoint_id)}/{self.model}"

    def name(self, names: Mapping[UUID, str]) -> str:
        """As the command line and the answers write it: `model`, `model+adapter`, `@endpoint/model`."""
        if self.served_model_id is not None:
            own = names.get(self.served_model_id, "gone")
            return f"{own}+{self.adapter}" if self.adapter else own
        assert self.endpoint_id is not None
        return f"@{names.get(self.endpoint_id, 'gone')}/{self.model}"

    def target(self, names: Mapping[UUID, str]) -> Target | None:
        """For the snapshot; None where what it leads to has gone."""
        if self.served_model_id is not None:
            if self.served_model_id not in names:
                return None
            return Target(
                target_id=self.target_id,
                kind="served_model",
                model=self.adapter or names[self.served_model_id],
                weight=self.weight,
                served_model_id=public_id("srv", self.served_model_id),
            )
        assert self.endpoint_id is not None
        return Target(
            target_id=self.target_id,
            kind="external",
            model=self.model or "",
            weight=self.weight,
            endpoint_id=public_id("end", self.endpoint_id),
        )


class StoredShadow(BaseModel):
    model_config = ConfigDict(frozen=True)

    target: StoredTarget
    percent: float


Tiers = tuple[tuple[StoredTarget, ...], ...]


def read_tiers(rows: Iterable[Iterable[Any]]) -> Tiers:
    return tuple(tuple(StoredTarget.model_validate(one) for one in tier) for tier in rows)


def stored(tiers: Tiers) -> list[list[dict[str, Any]]]:
    return [[target.model_dump(mode="json", exclude_none=True) for target in tier] for tier in tiers]
