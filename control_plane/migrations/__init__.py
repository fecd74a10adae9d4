"""Alembic's migrations of the registry: linear, never edited once released, up from every released schema.

`control_plane.migrate` runs them at start; `alembic` is never called by hand on a customer's box.
"""
