"""The transaction at the edge, with a session that only counts."""

from typing import Any, cast

import pytest

from control_plane.database.session import KeepsChanges, SessionFactory, nudge, transaction


class CountingSession:
    """Stands for SQLAlchemy's session: notes what was asked of it, in order."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {}
        self.asked: list[str] = []

    def __enter__(self) -> "CountingSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.asked.append("close")

    def commit(self) -> None:
        self.asked.append("commit")


def factory_of(session: CountingSession) -> SessionFactory:
    return cast(SessionFactory, lambda: session)


def test_nudges_go_out_once_each_and_after_the_commit() -> None:
    fake = CountingSession()
    with transaction(factory_of(fake), publish=fake.asked.append) as session:
        for name in ("snapshot", "serve", "snapshot"):
            nudge(session, name)
    assert fake.asked == ["commit", "close", "snapshot", "serve"]


def test_an_error_commits_nothing_and_hurries_nobody() -> None:
    fake = CountingSession()
    with pytest.raises(ZeroDivisionError), transaction(factory_of(fake), publish=fake.asked.append) as session:
        nudge(session, "snapshot" * (1 // len(fake.asked)))
    assert fake.asked == ["close"]


def test_an_error_that_keeps_its_changes_commits() -> None:
    fake = CountingSession()
    with pytest.raises(KeepsChanges), transaction(factory_of(fake)):
        raise KeepsChanges
    assert fake.asked == ["commit", "close"]
