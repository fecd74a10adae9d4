"""What the registry takes and what it refuses: another box, replays, stale lists, clocks."""

import base64
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from appliance.base.errors import BadRequest
from appliance.base.secret_files import Secret
from appliance.licences.clock_mark import read_mark
from appliance.licences.fingerprint import Observation
from appliance.licences.folder import open_data_key
from appliance.licences.refusal import LicenceRefused, Why
from appliance.licences.standing import LicenceState
from appliance.vendor import issuing
from control_plane.access.domain import SYSTEM
from control_plane.audit.tables import AuditEntry
from control_plane.database.session import pending_nudges, transaction
from control_plane.licences import service
from control_plane.licences.reconciler import LicencesReconciler
from tests.fixtures.licences import DAY, START, Customer, Vendor
from tests.integration.control_plane.licences.conftest import Desk

YEAR = 365 * DAY


@contextmanager
def assert_refused(why: Why) -> Generator[None]:
    with pytest.raises(LicenceRefused) as caught:
        yield
    assert caught.value.why is why


def reconcile(desk: Desk) -> None:
    LicencesReconciler(desk.factory, desk.here).run()


def audited(desk: Desk, action: str) -> list[AuditEntry]:
    with transaction(desk.factory) as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def test_asked_for_issued_applied_and_open(desk: Desk) -> None:
    assert not desk.may_load(START)
    licence = desk.licensed()
    assert desk.may_load(START)
    reconcile(desk)
    key = open_data_key(desk.here.home, desk.vendor.artifact.digest, observation=licence_observation(desk))
    assert key == desk.vendor.artifact.data_key
    assert desk.row(licence).observed_state is LicenceState.VALID
    with transaction(desk.factory) as session:
        raw = service.find(session, licence.id).document
        service.apply(session, SYSTEM, raw, desk.here, now=desk.now)
        assert set(pending_nudges(session)) == {"licences", "serve"}
    assert len([entry for entry in audited(desk, "licence.apply") if entry.target == licence.id]) == 1


def licence_observation(desk: Desk) -> Observation:
    with transaction(desk.factory) as session:
        return desk.here.box(session).observation


def test_a_vendor_nobody_trusts_is_refused(desk: Desk) -> None:
    stranger = Vendor(desk.folder / "stranger")
    _, raw = stranger.issue(desk.ask())
    with assert_refused(Why.UNTRUSTED):
        desk.apply(raw)
    with pytest.raises(BadRequest, match="fingerprint"), transaction(desk.factory) as session:
        service.trust_root(session, SYSTEM, stranger.root_file, fingerprint=desk.vendor.root.fingerprint)
    with assert_refused(Why.WRONG_KIND):
        desk.apply(stranger.root_file)


def test_a_licence_of_another_box_is_refused(desk: Desk) -> None:
    _, raw = desk.vendor.issue(Customer(desk.folder / "other").ask())
    desk.ask()
    with assert_refused(Why.FOREIGN_BOX):
        desk.apply(raw)
    _, mine = desk.vendor.issue(desk.ask())
    with assert_refused(Why.FOREIGN_BOX), transaction(desk.factory) as session:
        service.apply(session, SYSTEM, mine, desk.elsewhere(), now=desk.now)


def test_a_home_without_a_key_takes_no_licence(desk: Desk) -> None:
    _, raw = desk.vendor.issue(Customer(desk.folder / "other").ask())
    path = desk.here.home.secrets / Secret.APPLIANCE_KEY
    kept = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)
    with assert_refused(Why.FOREIGN_BOX):
        desk.apply(raw)
    if kept is not None:
        path.write_bytes(kept)


def test_a_revoked_licence_cannot_be_replayed(desk: Desk) -> None:
    licence, raw = desk.vendor.issue(desk.ask())
    desk.apply(raw)
    issuing.revoke(desk.vendor.vault, licence_ids=["lic-somebody-else"], at=START)
    first_list = desk.vendor.revocations_file
    issuing.revoke(desk.vendor.vault, licence_ids=[licence.id], at=START)
    desk.apply(desk.vendor.revocations_file)
    desk.apply(desk.vendor.revocations_file)
    assert not desk.may_load(START)
    with assert_refused(Why.REVOKED):
        desk.apply(raw)
    with assert_refused(Why.STALE_REVOCATIONS):
        desk.apply(first_list)
    reconcile(desk)
    assert desk.row(licence).observed_state is LicenceState.REVOKED
    with assert_refused(Why.UNKNOWN_ARTIFACT):
        open_data_key(desk.here.home, desk.vendor.artifact.digest, observation=licence_observation(desk))


def test_a_licence_that_needs_a_list_waits_for_it(desk: Desk) -> None:
    issuing.revoke(desk.vendor.vault, licence_ids=["lic-old"], at=START)
    _, raw = desk.vendor.issue(desk.ask())
    with assert_refused(Why.REVOCATIONS_NEEDED):
        desk.apply(raw)
    desk.apply(desk.vendor.revocations_file)
    desk.apply(raw)
    assert desk.may_load(START)


def test_expired_files_and_issuers_are_refused_and_early_ones_are_kept(desk: Desk) -> None:
    request = desk.ask()
    _, short = desk.vendor.issue(request, not_after=START + DAY, grace_days=1)
    _, stale = desk.vendor.issue(request, not_after=START + 3 * YEAR)
    _, early = desk.vendor.issue(request, not_before=START + 9 * DAY, not_after=START + 20 * DAY)
    desk.apply(early)
    assert not desk.may_load(START)
    desk.now = START + 3 * DAY
    with assert_refused(Why.EXPIRED):
        desk.apply(short)
    desk.now = START + 801 * DAY
    with assert_refused(Why.ISSUER_EXPIRED):
        desk.apply(stale)


def test_what_was_applied_outlives_its_issuers_certificate(desk: Desk) -> None:
    licence = desk.licensed(not_after=START + 5 * YEAR)
    desk.now = START + 801 * DAY
    assert desk.may_load(desk.now)
    with transaction(desk.factory) as session:
        raw = service.find(session, licence.id).document
    desk.apply(raw)


def test_a_clock_turned_back_a_year_is_seen_and_wins_nothing(desk: Desk) -> None:
    licence = desk.licensed(not_after=START + 100 * DAY, grace_days=0)
    desk.now = START + 50 * DAY
    reconcile(desk)
    desk.now -= YEAR
    reconcile(desk)
    assert desk.row(licence).observed_state is LicenceState.CLOCK_SUSPECT
    assert desk.may_load(desk.now)
    desk.now = START + 101 * DAY
    reconcile(desk)
    assert desk.row(licence).observed_state is LicenceState.EXPIRED
    desk.now -= YEAR
    reconcile(desk)
    assert desk.row(licence).observed_state is LicenceState.EXPIRED
    assert not desk.may_load(desk.now)


def test_the_file_and_the_vendors_dates_hold_where_the_registry_forgot(desk: Desk) -> None:
    licence = desk.licensed()
    desk.now = START + 50 * DAY
    reconcile(desk)
    with transaction(desk.factory) as session:
        session.connection().exec_driver_sql("DELETE FROM clock_mark")
    desk.now = START - YEAR
    reconcile(desk)
    assert desk.row(licence).observed_state is LicenceState.CLOCK_SUSPECT
    assert read_mark(desk.here.home) == START + 50 * DAY
    with transaction(desk.factory) as session:
        session.connection().exec_driver_sql("DELETE FROM clock_mark")
    (desk.here.home.licences / "clock").unlink()
    reconcile(desk)
    assert read_mark(desk.here.home) == START


def test_a_clock_that_ran_ahead_is_set_right_by_the_vendor(desk: Desk) -> None:
    desk.now = START + 30 * YEAR
    reconcile(desk)
    desk.now = START
    with assert_refused(Why.ISSUER_EXPIRED):
        desk.licensed()
    desk.licensed(resets_clock=True)
    reconcile(desk)
    assert desk.may_load(START)
    desk.licensed()


def test_no_key_reaches_logs_audit_or_the_signed_files(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    licence = desk.licensed(not_after=START + 3 * DAY)
    reconcile(desk)
    with assert_refused(Why.REVOKED):
        issuing.revoke(desk.vendor.vault, licence_ids=[licence.id], at=START)
        desk.apply(desk.vendor.revocations_file)
        desk.apply(desk.row(licence).document)
    reconcile(desk)
    logged = capsys.readouterr()
    assert "licence_ends_soon" in logged.out + logged.err
    with transaction(desk.factory) as session:
        entries = session.scalars(select(AuditEntry)).all()
        written = [str((entry.before, entry.after, entry.target)) for entry in entries]
    files = [path.read_text(errors="replace") for path in desk.here.home.licences.iterdir()]
    told = "\n".join([*written, logged.out, logged.err])
    seed = (desk.here.home.secrets / Secret.APPLIANCE_KEY).read_text().strip()
    data_key = desk.vendor.artifact.data_key
    for hidden in (seed, data_key.hex(), base64.b64encode(data_key).decode(), repr(data_key)[2:-1]):
        assert hidden not in told
        assert not [content for content in files if hidden in content]
    assert licence.artifacts[0].wrapped_key not in told


def test_warnings_come_once_at_each_threshold(desk: Desk) -> None:
    licence = desk.licensed(not_after=START + 100 * DAY)
    said: list[tuple[int, int | None]] = []
    for day in range(60, 102):
        desk.now = START + day * DAY + timedelta(minutes=1)
        reconcile(desk)
        reconcile(desk)
        row = desk.row(licence)
        if not said or said[-1][1] != row.warned_days:
            said.append((100 - day, row.warned_days))
    assert said == [(40, None), (30, 30), (14, 14), (7, 7), (1, 1)]
    given = [entry.after for entry in audited(desk, "licence.warning") if entry.target == licence.id]
    assert [after["threshold_days"] for after in given if after] == [30, 14, 7, 1]
    states = [entry.after for entry in audited(desk, "licence.state") if entry.target == licence.id]
    assert [after["state"] for after in states if after] == ["valid", "expiring", "grace"]
