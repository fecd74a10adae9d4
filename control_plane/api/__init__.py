"""The admin API as one FastAPI application on a unix socket: puts the slices together, holds no rule of its own.

Run by `python -m control_plane.api` behind the front door. It is the composition root: here `sessions` is plugged into
`access`, the session factory and the nudges into `database`.
"""
