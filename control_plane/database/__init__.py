"""The registry's ground: the declarative base, engine and sessions, the request's transaction, nudges after commit.

Every slice imports it; it imports none. It holds no table of its own, and nothing but its `transaction` commits.
"""
