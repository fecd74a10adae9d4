"""A reach as an SQL condition: lists are filtered by the database, never after it."""

from uuid import UUID

from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from control_plane.access.domain import Reach


def within(column: InstrumentedAttribute[UUID], reach: Reach) -> ColumnElement[bool]:
    """`column` is a project's id."""
    return true() if reach.everywhere else column.in_(reach.projects)


def within_or_shared(
    column: InstrumentedAttribute[UUID], reach: Reach, *, shared_project_id: UUID
) -> ColumnElement[bool]:
    """Also what belongs to the default project: its models are the organization's."""
    return or_(within(column, reach), column == shared_project_id)
