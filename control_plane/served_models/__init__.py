"""Served models: a public name, the version that should run behind it, and what was last seen of it.

The API writes what is wanted (`desired_*`), the reconcilers write what is (`observed_*`, replicas). It starts
nothing itself.
"""
