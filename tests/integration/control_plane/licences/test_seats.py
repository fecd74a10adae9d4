"""Seats over real sessions: never more than the licence allows, and void without the newest fence."""

import threading
from collections.abc import Sequence

from sqlalchemy import text

from appliance.licences.documents import Licence
from control_plane.database.session import transaction
from control_plane.licences import seats
from control_plane.licences.seats import Admission, Card, SeatLease, SeatWish
from tests.fixtures.licences import DAY, START
from tests.integration.control_plane.licences.conftest import Desk

CROWD = 12


def cards(node: str, *keys: str) -> tuple[Card, ...]:
    return tuple(Card(node, key) for key in keys)


def admit(desk: Desk, holder: str, wanted: Sequence[Card], *, family: str | None = None) -> Admission:
    wish = SeatWish(desk.vendor.artifact.digest, holder, tuple(wanted), family)
    with transaction(desk.factory) as session:
        return seats.admit(session, wish, desk.here, now=desk.now)


def must_admit(desk: Desk, holder: str, wanted: Sequence[Card]) -> SeatLease:
    lease = admit(desk, holder, wanted).lease
    assert lease is not None
    return lease


def in_use(desk: Desk, licence: Licence) -> set[Card]:
    key = desk.row(licence).id
    with transaction(desk.factory) as session:
        return seats.in_use(session, key)


def renew(desk: Desk, lease: SeatLease) -> bool:
    with transaction(desk.factory) as session:
        return seats.renew(session, lease)


def expire(desk: Desk, holder: str) -> None:
    with transaction(desk.factory) as session:
        session.execute(
            text("UPDATE card_seats SET lease_expires_at = now() - interval '1 second' WHERE holder = :holder"),
            {"holder": holder},
        )


def test_without_a_licence_there_is_no_seat(desk: Desk) -> None:
    admission = admit(desk, "plc-1", cards("node-1", "GPU-1"))
    assert not admission.may_load
    assert "No licence covers" in admission.verdict.reason


def test_cards_are_counted_over_nodes_and_shared_cards_once(desk: Desk) -> None:
    licence = desk.licensed(max_cards=3, max_nodes=2)
    must_admit(desk, "plc-1", cards("node-1", "GPU-1", "GPU-2"))
    must_admit(desk, "plc-2", cards("node-2", "GPU-1"))
    refused = admit(desk, "plc-3", cards("node-1", "GPU-3"))
    assert not refused.may_load
    assert "3 cards; 3 are in use and 1 more" in refused.verdict.reason
    must_admit(desk, "plc-4", cards("node-1", "GPU-2"))
    assert len(in_use(desk, licence)) == 3


def test_nodes_and_families_are_limited(desk: Desk) -> None:
    desk.licensed(max_cards=9, max_nodes=1, accelerator_families=("cuda",))
    must_admit(desk, "plc-1", cards("node-1", "GPU-1"))
    assert "1 nodes" in admit(desk, "plc-2", cards("node-2", "GPU-1")).verdict.reason
    assert "rocm" in admit(desk, "plc-3", cards("node-1", "GPU-2"), family="rocm").verdict.reason


def test_two_sessions_at_once_get_one_seat(desk: Desk) -> None:
    """The second waits at the licence's row until the first has committed, and then sees its seat."""
    licence = desk.licensed(max_cards=1)
    key = desk.row(licence).id
    second: list[SeatLease | str] = []

    def ask() -> None:
        wish = SeatWish(desk.vendor.artifact.digest, "plc-2", cards("node-1", "GPU-2"))
        with transaction(desk.factory) as session:
            second.append(seats.take(session, key, wish))

    thread = threading.Thread(target=ask)
    with transaction(desk.factory) as session:
        wish = SeatWish(desk.vendor.artifact.digest, "plc-1", cards("node-1", "GPU-1"))
        first = seats.take(session, key, wish)
        thread.start()
        thread.join(0.3)
        assert not second
    thread.join(10)
    assert isinstance(first, SeatLease)
    assert second == ["The licence allows 1 cards; 1 are in use and 1 more are wanted."]


def test_a_crowd_gets_as_many_seats_as_there_are(desk: Desk) -> None:
    licence = desk.licensed(max_cards=5, max_nodes=CROWD)
    start = threading.Barrier(CROWD)
    answers: list[Admission] = []

    def ask(number: int) -> None:
        start.wait(10)
        answers.append(admit(desk, f"plc-{number}", cards(f"node-{number}", "GPU-1")))

    crowd = [threading.Thread(target=ask, args=(number,)) for number in range(CROWD)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(30)
    assert len(answers) == CROWD
    assert sum(answer.may_load for answer in answers) == len(in_use(desk, licence)) == 5


def test_a_silent_holder_loses_its_seat_and_cannot_renew_it(desk: Desk) -> None:
    licence = desk.licensed(max_cards=1)
    zombie = must_admit(desk, "plc-1", cards("node-1", "GPU-1"))
    assert renew(desk, zombie)
    expire(desk, "plc-1")
    heir = must_admit(desk, "plc-2", cards("node-1", "GPU-2"))
    assert not renew(desk, zombie)
    assert renew(desk, heir)
    assert heir.fence > zombie.fence
    with transaction(desk.factory) as session:
        assert not seats.release(session, zombie)
        assert seats.release(session, heir)
    assert in_use(desk, licence) == set()


def test_an_older_lease_of_the_same_holder_is_void(desk: Desk) -> None:
    licence = desk.licensed(max_cards=4)
    older = must_admit(desk, "plc-1", cards("node-1", "GPU-1", "GPU-2"))
    newer = must_admit(desk, "plc-1", cards("node-1", "GPU-3"))
    assert not renew(desk, older)
    assert renew(desk, newer)
    assert in_use(desk, licence) == set(newer.cards)
    with transaction(desk.factory) as session:
        assert seats.held_by(session, "plc-1") == [newer]


def test_what_runs_keeps_its_seats_after_the_end_but_nothing_new_starts(desk: Desk) -> None:
    licence = desk.licensed(not_after=START + DAY, grace_days=1, max_cards=4)
    running = must_admit(desk, "plc-1", cards("node-1", "GPU-1"))
    desk.now = START + 3 * DAY
    assert renew(desk, running)
    refused = admit(desk, "plc-2", cards("node-1", "GPU-2"))
    assert not refused.may_load
    assert "what runs goes on" in refused.verdict.reason
    assert in_use(desk, licence) == set(running.cards)


def test_a_second_licence_takes_what_the_first_has_no_room_for(desk: Desk) -> None:
    desk.licensed(max_cards=1)
    must_admit(desk, "plc-1", cards("node-1", "GPU-1"))
    second = desk.licensed(max_cards=1)
    admission = admit(desk, "plc-2", cards("node-1", "GPU-2"))
    assert admission.verdict.licence == second


def test_the_sweep_forgets_only_what_ran_out(desk: Desk) -> None:
    licence = desk.licensed(max_cards=4)
    must_admit(desk, "plc-1", cards("node-1", "GPU-1"))
    kept = must_admit(desk, "plc-2", cards("node-1", "GPU-2"))
    expire(desk, "plc-1")
    with transaction(desk.factory) as session:
        assert seats.sweep(session) == 1
    assert in_use(desk, licence) == set(kept.cards)
