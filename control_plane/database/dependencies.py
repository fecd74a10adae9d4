"""The request's database session: one request, one transaction, committed before the answer is sent."""

from collections.abc import Iterator
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from control_plane.database.session import SessionFactory, transaction


def request_session(request: Request) -> Iterator[Session]:
    factory = cast(SessionFactory, request.app.state.session_factory)
    with transaction(factory, publish=request.app.state.publish_nudge) as session:
        yield session


DbSession = Annotated[Session, Depends(request_session, scope="function")]
"""Function scope: an answer that reached the client was committed."""
