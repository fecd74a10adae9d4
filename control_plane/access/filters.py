"""A reach as an SQL condition: lists are filtered by the database, never after it."""

from uuid import UUID

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from control_plane.access.domain import Reach


def within(column: InstrumentedAttribute[UUID], reach: Reach) -> ColumnElement[bool]:
    """`column` is a project's id."""
    return true() if reach.everywhere else column.in_(reach.projects)
