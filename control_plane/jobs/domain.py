"""Values of the job pattern: a kind of job, a claim on one, and what a renewal says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

SPEC_FORMAT = 1
"""Newest format of a job's spec that this version runs; N and N-1 workers share one queue."""

LONGEST_BACKOFF_SECONDS = 300.0


@dataclass(frozen=True)
class JobKind:
    """What the worker knows of a kind: the module its process runs, and how its result becomes rows.

    `complete` is called in the transaction that finishes the job, so it is guarded by the same fence.
    """

    name: str
    module: str
    complete: Callable[[Session, UUID, dict[str, Any]], None]


@dataclass(frozen=True)
class Claim:
    """The right to run one attempt. Every later write names `fence`; a newer claim makes it void."""

    job_id: UUID
    kind: str
    attempt: int
    fence: int
    spec: dict[str, Any]
    spec_format: int


@dataclass(frozen=True)
class Renewal:
    """`held` False: the lease is somebody else's, or the job has ended; stop at once."""

    held: bool
    cancel_requested: bool = False


def backoff_seconds(attempt: int, *, base_seconds: float) -> float:
    """Wait before `attempt` (2 for the first repeat): the base, doubled each time, five minutes at most."""
    return min(base_seconds * 2 ** max(attempt - 2, 0), LONGEST_BACKOFF_SECONDS)


def may_try_again(attempt: int, *, max_attempts: int) -> bool:
    return attempt < max_attempts
