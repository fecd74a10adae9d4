"""The declarative base: constraint names that Alembic can find again, UUIDv7 keys, times in UTC, enums as text."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Enum, MetaData, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from appliance.base import clock
from appliance.base.ids import new_uuid


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        str: Text(),
        int: BigInteger(),
        dict[str, Any]: JSONB(),
    }


class Row:
    """Mixin: the key and the two times that every row carries."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_uuid, sort_order=-10)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=func.now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(
        default=clock.now, onupdate=clock.now, server_default=func.now(), sort_order=91
    )


def text_enum(members: type[StrEnum]) -> Enum:
    """A text column with a CHECK: a new member is a constraint swapped in a migration, never an `ALTER TYPE`."""
    return Enum(
        members,
        name=re.sub(r"(?<!^)(?=[A-Z])", "_", members.__name__).lower(),
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=40,
        values_callable=values_of,
    )


def values_of(members: type[StrEnum]) -> list[str]:
    return [member.value for member in members]
