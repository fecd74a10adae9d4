"""What the catalogue's page needs is worked out when the process starts: its first reader does not wait for it."""

import threading

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from appliance.base.logs import get_logger
from control_plane.database.session import transaction

log = get_logger(__name__)


def start_warming(application: FastAPI) -> threading.Thread:
    """A thread of its own; the process ends without waiting for it. Without a database nothing is lost by it."""
    thread = threading.Thread(target=warm, args=(application,), name="warming", daemon=True)
    thread.start()
    return thread


def warm(application: FastAPI) -> None:
    state = application.state
    try:
        with transaction(state.session_factory) as session:
            state.fits_here(session, state.shelf.listing(session))
    except SQLAlchemyError as error:
        log.warning("catalogue_was_not_warmed", reason=type(error).__name__)
