"""One reconciler process at a time leads: it holds a PostgreSQL advisory lock on a connection of its own.

A leader that loses its connection stops before its next run. For one run two may overlap; every reconciler reads
the world again and guards its writes, so that is harmless.
"""

import threading
from collections.abc import Callable

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from appliance.base.logs import get_logger
from control_plane.reconcilers import repository

CHECK_SECONDS = 1.0

log = get_logger(__name__)


class Leadership(threading.Thread):
    """`led` is set while this process leads; `on_gain` is called each time it begins to."""

    def __init__(self, engine: Engine, *, stop: threading.Event, on_gain: Callable[[], None]) -> None:
        super().__init__(name="leadership", daemon=True)
        self.engine = engine
        self.stop_event = stop
        self.on_gain = on_gain
        self.led = threading.Event()

    def run(self) -> None:
        while not self.stop_event.is_set():
            try:
                self.hold()
            except SQLAlchemyError as error:
                log.warning("leadership_connection_failed", reason=type(error).__name__)
            self.lose()
            self.stop_event.wait(CHECK_SECONDS)

    def hold(self) -> None:
        """Ask for the lock until it is ours, then ask the connection for life until it has none."""
        connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            while not self.stop_event.is_set():
                self.check(connection)
                self.stop_event.wait(CHECK_SECONDS)
        finally:
            connection.invalidate()
            connection.close()

    def check(self, connection: Connection) -> None:
        if self.led.is_set():
            repository.ask_for_life(connection)
        elif repository.try_to_lead(connection):
            self.led.set()
            log.info("leadership_was_gained")
            self.on_gain()

    def lose(self) -> None:
        if self.led.is_set():
            self.led.clear()
            log.info("leadership_was_given_up" if self.stop_event.is_set() else "leadership_was_lost")
