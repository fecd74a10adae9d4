"""A customer's box whose home is the test database's, and a vendor it trusts."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from appliance.base import clock
from appliance.base.settings import Settings
from appliance.hardware.world import World
from appliance.licences.documents import Licence
from control_plane.access.domain import SYSTEM
from control_plane.database.session import SessionFactory, transaction
from control_plane.licences import service
from control_plane.licences.here import Here
from control_plane.licences.tables import AppliedLicence
from tests.fixtures.licences import START, Vendor, make_machine


class Desk:
    """One box, one vendor, and a clock that the test sets."""

    def __init__(self, settings: Settings, factory: SessionFactory, folder: Path) -> None:
        self.factory = factory
        self.vendor = Vendor(folder / "vendor")
        self.here = Here(settings.paths, make_machine(folder / "machine"))
        self.folder = folder
        self.now = START

    def trust(self) -> None:
        with transaction(self.factory) as session:
            service.trust_root(session, SYSTEM, self.vendor.root_file, fingerprint=self.vendor.root.fingerprint)

    def ask(self) -> bytes:
        with transaction(self.factory) as session:
            return service.ask(session, SYSTEM, self.here, now=self.now)

    def apply(self, raw: bytes) -> None:
        with transaction(self.factory) as session:
            service.apply(session, SYSTEM, raw, self.here, now=self.now)

    def licensed(self, **terms: object) -> Licence:
        """Issued and applied."""
        licence, raw = self.vendor.issue(self.ask(), at=self.now, **terms)
        self.apply(raw)
        return licence

    def row(self, licence: Licence) -> AppliedLicence:
        with transaction(self.factory) as session:
            return service.find(session, licence.id)

    def may_load(self, at: datetime) -> bool:
        with transaction(self.factory) as session:
            holdings = service.portfolio(session, self.here)
        return holdings.may_load(self.vendor.artifact.digest, at=at, cards_in_use=0).may_load

    def elsewhere(self) -> Here:
        """The same home on a machine of which only the disk was copied."""
        return Here(self.here.home, World(root=self.folder / "nothing", system_paths=False))


@pytest.fixture
def desk(
    database_settings: Settings, session_factory: SessionFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    made = Desk(database_settings, session_factory, tmp_path)
    monkeypatch.setattr(clock, "now", lambda: made.now)
    made.trust()
    yield made
    with transaction(session_factory) as session:
        for table in ("card_seats", "licences", "revocation_lists", "vendor_roots", "clock_mark"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    for path in made.here.home.licences.glob("*"):
        path.unlink()
