"""Queries on routes and endpoints."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from control_plane.routes.tables import ExternalEndpointRow, RouteRow


def all_routes(session: Session) -> list[RouteRow]:
    return list(session.scalars(select(RouteRow).order_by(RouteRow.name)))


def route_by_name(session: Session, name: str, *, for_change: bool = False) -> RouteRow | None:
    statement = select(RouteRow).where(RouteRow.name == name)
    return session.scalar(statement.with_for_update() if for_change else statement)


def all_endpoints(session: Session) -> list[ExternalEndpointRow]:
    return list(session.scalars(select(ExternalEndpointRow).order_by(ExternalEndpointRow.name)))


def endpoint_by_name(session: Session, name: str) -> ExternalEndpointRow | None:
    return session.scalar(select(ExternalEndpointRow).where(ExternalEndpointRow.name == name))


def endpoint_names(session: Session) -> dict[UUID, str]:
    return {endpoint.id: endpoint.name for endpoint in all_endpoints(session)}
