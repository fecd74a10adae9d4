"""Warming the catalogue is a favour: without a database the process starts all the same."""

from control_plane.api.openapi import unconnected_application
from control_plane.api.warming import start_warming


def test_without_a_database_nothing_is_lost() -> None:
    application = unconnected_application()
    thread = start_warming(application)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert application.state.shelf.last.shown == {}
