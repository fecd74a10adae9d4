"""How licences stand: every state, the order in which they weigh, and the clock."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from appliance.licences.chain import read_licence
from appliance.licences.clock_mark import latest, read_mark, reckon, write_mark
from appliance.licences.documents import Revocations
from appliance.licences.portfolio import Held, Portfolio
from appliance.licences.standing import Box, LicenceState, Standing
from appliance.vendor import issuing
from tests.fixtures.licences import DAY, START, Customer, Vendor

YEAR = 365 * DAY
END = START + YEAR


def portfolio(
    vendor: Vendor,
    raw: bytes,
    *,
    box: Box,
    revocations: Revocations | None = None,
    mark: datetime | None = None,
) -> Portfolio:
    return Portfolio([Held(read_licence(raw, roots=[vendor.root]), revocations)], box, mark)


def standing(holdings: Portfolio, at: datetime) -> Standing:
    return holdings.standings(at)[0]


@pytest.mark.parametrize(
    ("at", "state", "warning"),
    [
        (START - timedelta(seconds=1), LicenceState.NOT_YET_VALID, None),
        (START, LicenceState.VALID, None),
        (END - 31 * DAY, LicenceState.VALID, None),
        (END - 30 * DAY, LicenceState.EXPIRING, 30),
        (END - 14 * DAY, LicenceState.EXPIRING, 14),
        (END - 7 * DAY, LicenceState.EXPIRING, 7),
        (END - DAY, LicenceState.EXPIRING, 1),
        (END, LicenceState.EXPIRING, 1),
        (END + timedelta(seconds=1), LicenceState.GRACE, 1),
        (END + 10 * DAY, LicenceState.GRACE, 1),
        (END + 10 * DAY + timedelta(seconds=1), LicenceState.EXPIRED, None),
    ],
)
def test_states_by_time(
    vendor: Vendor, customer: Customer, at: datetime, state: LicenceState, warning: int | None
) -> None:
    _, raw = vendor.issue(customer.ask())
    holdings = portfolio(vendor, raw, box=customer.box)
    found = standing(holdings, at)
    assert (found.state, found.warning_days) == (state, warning)
    verdict = holdings.may_load(vendor.artifact.digest, at=at, cards_in_use=0)
    assert verdict.may_load is (state not in (LicenceState.EXPIRED, LicenceState.NOT_YET_VALID))
    assert verdict.reason


def test_without_a_licence_nothing_sealed_is_loaded(vendor: Vendor, customer: Customer) -> None:
    verdict = Portfolio([], customer.box, None).may_load(vendor.artifact.digest, at=START, cards_in_use=0)
    assert not verdict.may_load
    assert "No licence covers" in verdict.reason
    _, raw = vendor.issue(customer.ask())
    assert not portfolio(vendor, raw, box=customer.box).may_load("0" * 64, at=START, cards_in_use=0).may_load


def test_cards_and_families_are_limited(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask(), max_cards=4, accelerator_families=("cuda",))
    holdings, digest = portfolio(vendor, raw, box=customer.box), vendor.artifact.digest
    assert holdings.may_load(digest, at=START, cards_in_use=3, family="cuda").may_load
    full = holdings.may_load(digest, at=START, cards_in_use=3, cards=2)
    assert not full.may_load
    assert "4 cards" in full.reason
    other = holdings.may_load(digest, at=START, cards_in_use=0, family="rocm")
    assert not other.may_load
    assert "rocm" in other.reason


def test_another_box_is_foreign(vendor: Vendor, customer: Customer, tmp_path: Path) -> None:
    _, raw = vendor.issue(customer.ask())
    other = Customer(tmp_path / "other")
    found = standing(portfolio(vendor, raw, box=other.box), START)
    assert found.state is LicenceState.FOREIGN_BOX
    assert "key of another appliance" in found.sentence
    stolen = Box(customer.key.public_key, Customer(tmp_path / "third", cards=("GPU-9",)).observation)
    stolen = Box(stolen.public_key, type(stolen.observation)({}))
    found = standing(portfolio(vendor, raw, box=stolen), START)
    assert found.state is LicenceState.FOREIGN_BOX
    assert "3 parts must be" in found.sentence


def test_a_revoked_licence_stays_revoked_when_it_is_shown_again(vendor: Vendor, customer: Customer) -> None:
    licence, raw = vendor.issue(customer.ask())
    revoked = issuing.revoke(vendor.vault, licence_ids=[licence.id], at=START + DAY)
    holdings = portfolio(vendor, raw, box=customer.box, revocations=revoked)
    assert standing(holdings, START + DAY).state is LicenceState.REVOKED
    assert not holdings.may_load(vendor.artifact.digest, at=START + DAY, cards_in_use=0).may_load


def test_a_revoked_issuer_takes_its_licences_along(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask())
    revoked = issuing.revoke_issuer(vendor.root_vault, vault=vendor.vault, at=START + DAY)
    found = standing(portfolio(vendor, raw, box=customer.box, revocations=revoked), START + DAY)
    assert found.state is LicenceState.REVOKED
    assert "issuer" in found.sentence


def test_a_licence_names_the_oldest_list_it_goes_by(vendor: Vendor, customer: Customer) -> None:
    issuing.revoke(vendor.vault, licence_ids=["lic-old"], at=START)
    _, raw = vendor.issue(customer.ask())
    assert standing(portfolio(vendor, raw, box=customer.box), START).state is LicenceState.REVOKED
    held = issuing.current_revocations(vendor.vault)
    assert standing(portfolio(vendor, raw, box=customer.box, revocations=held), START).state is LicenceState.VALID


def test_a_clock_turned_back_a_year_is_a_warning_and_wins_nothing(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask())
    digest = vendor.artifact.digest
    in_term = portfolio(vendor, raw, box=customer.box, mark=START + 200 * DAY)
    found = standing(in_term, START + 200 * DAY - YEAR)
    assert (found.state, found.days_left) == (LicenceState.CLOCK_SUSPECT, 165)
    assert in_term.may_load(digest, at=START + 200 * DAY - YEAR, cards_in_use=0).may_load
    past = portfolio(vendor, raw, box=customer.box, mark=END + 20 * DAY)
    found = standing(past, END + 20 * DAY - YEAR)
    assert found.state is LicenceState.EXPIRED
    assert "days behind" in found.sentence
    assert not past.may_load(digest, at=END + 20 * DAY - YEAR, cards_in_use=0).may_load


def test_a_small_jump_back_is_nobodys_fault() -> None:
    mark = START + DAY
    assert not reckon(START, mark=mark).is_suspect
    assert reckon(START, mark=mark).at == mark
    assert reckon(START - timedelta(seconds=1), mark=mark).is_suspect
    assert reckon(START + 2 * DAY, mark=mark).at == START + 2 * DAY
    assert latest(None, START, mark) == mark
    assert latest(None, None) is None


def test_the_mark_is_kept_in_a_file(customer: Customer) -> None:
    assert read_mark(customer.home) is None
    write_mark(customer.home, START)
    write_mark(customer.home, START + timedelta(seconds=5))
    assert read_mark(customer.home) == START
    write_mark(customer.home, START + DAY)
    assert read_mark(customer.home) == START + DAY
    (customer.home.licences / "clock").write_bytes(b"\xff" * 100)
    assert read_mark(customer.home) is None


def test_the_better_of_two_licences_decides(vendor: Vendor, customer: Customer) -> None:
    _, old = vendor.issue(customer.ask())
    renewed, new = vendor.issue(customer.ask(), not_after=END + YEAR)
    holdings = Portfolio([Held(read_licence(raw, roots=[vendor.root]), None) for raw in (old, new)], customer.box, None)
    verdict = holdings.may_load(vendor.artifact.digest, at=END + 30 * DAY, cards_in_use=0)
    assert verdict.licence == renewed
    assert verdict.state is LicenceState.VALID
