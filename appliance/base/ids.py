"""Identifiers: UUIDv7 inside (sorts by time, good for B-trees), prefixed public ids on the wire (`key-`, `job-`)."""

import secrets
from uuid import UUID

import uuid6


def new_uuid() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7)."""
    return UUID(int=uuid6.uuid7().int)


def public_id(prefix: str, key: UUID) -> str:
    """`job` and a key make `job-018f...`: 32 hexadecimal digits after the prefix."""
    return f"{prefix}-{key.hex}"


def parse_public_id(prefix: str, text: str) -> UUID | None:
    """The key inside a public id, or None when `text` is not one with this prefix."""
    head, dash, tail = text.partition("-")
    if head != prefix or not dash or len(tail) != 32:
        return None
    try:
        return UUID(hex=tail)
    except ValueError:
        return None


def new_request_id() -> str:
    """`req-` and 32 hexadecimal digits; on every answer as `x-request-id`."""
    return public_id("req", new_uuid())


def new_secret(n_bytes: int = 32) -> str:
    """A URL-safe random secret of `n_bytes` of entropy."""
    return secrets.token_urlsafe(n_bytes)
