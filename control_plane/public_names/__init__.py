"""Public names: what a client may send as `model`, each belonging to one served model or one route.

A table of its own, because the uniqueness of a name over two kinds of things is the database's to hold. Both slices
take their names here; a name goes with its owner.
"""
