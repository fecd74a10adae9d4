"""How a licence stands at a moment, in one word and one sentence. Pure: it takes values and asks nobody."""

import hmac
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from appliance.licences.chain import Signed
from appliance.licences.clock_mark import Reckoning
from appliance.licences.documents import Licence, Revocations
from appliance.licences.fingerprint import Observation, compare

WARNING_DAYS = (30, 14, 7, 1)
DAY = timedelta(days=1)


class LicenceState(StrEnum):
    VALID = "valid"
    EXPIRING = "expiring"
    GRACE = "grace"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FOREIGN_BOX = "foreign_box"
    CLOCK_SUSPECT = "clock_suspect"
    NOT_YET_VALID = "not_yet_valid"


LOADS = (LicenceState.VALID, LicenceState.EXPIRING, LicenceState.GRACE, LicenceState.CLOCK_SUSPECT)
"""In these new loads are allowed. A suspect clock is a warning: the licence still holds at the highest time seen."""


@dataclass(frozen=True, repr=False)
class Box:
    """The appliance that asks: its public key and what it is made of."""

    public_key: bytes
    observation: Observation


@dataclass(frozen=True)
class Standing:
    """`days_left` to the end of the term, below 0 in grace. `warning_days`: which of 30, 14, 7, 1 was reached."""

    licence: Licence
    state: LicenceState
    sentence: str
    days_left: int
    warning_days: int | None = None

    @property
    def loads(self) -> bool:
        return self.state in LOADS


def judge(signed: Signed[Licence], *, box: Box, revocations: Revocations | None, clock: Reckoning) -> Standing:
    """Revocation weighs most, then the box, then time; a clock in doubt only where all else is well."""
    licence = signed.document
    left = licence.ends - clock.at

    def stands(state: LicenceState, sentence: str, warning_days: int | None = None) -> Standing:
        return Standing(licence, state, sentence, whole_days(left), warning_days)

    withdrawn = withdrawal(signed, revocations)
    if withdrawn is not None:
        return stands(LicenceState.REVOKED, withdrawn)
    foreign = foreignness(licence, box)
    if foreign is not None:
        return stands(LicenceState.FOREIGN_BOX, foreign)
    if clock.at < licence.starts:
        return stands(LicenceState.NOT_YET_VALID, f"It begins on {day(licence.starts)}.")
    if left < timedelta(0):
        return past_end(licence, left=left, clock=clock)
    if clock.is_suspect:
        return stands(LicenceState.CLOCK_SUSPECT, clock_sentence(clock), warning_for(left))
    reached = warning_for(left)
    if reached is not None:
        return stands(LicenceState.EXPIRING, f"It ends on {day(licence.ends)}. Ask the vendor to renew it.", reached)
    return stands(LicenceState.VALID, f"It holds until {day(licence.ends)}.")


def withdrawal(signed: Signed[Licence], revocations: Revocations | None) -> str | None:
    """Why it is void, by the list that is held; a list that is older than the licence demands makes it void too."""
    licence = signed.document
    epoch = revocations.epoch if revocations else 0
    if epoch < licence.revocation_epoch:
        return f"It needs the vendor's revocation list {licence.revocation_epoch} or newer; this box has {epoch}."
    if revocations is None:
        return None
    if licence.id in revocations.licences:
        return f"The vendor revoked it (revocation list {epoch})."
    if signed.issuer_fingerprint in revocations.issuers:
        return f"The vendor revoked the certificate of its issuer (revocation list {epoch})."
    return None


def foreignness(licence: Licence, box: Box) -> str | None:
    if not hmac.compare_digest(b64decode(licence.box.public_key), box.public_key):
        return f"It was made for the key of another appliance ({licence.box.box_id})."
    likeness = compare(licence.box.fingerprint, box.observation)
    return None if likeness.is_same else likeness.sentence


def past_end(licence: Licence, *, left: timedelta, clock: Reckoning) -> Standing:
    end_of_grace = licence.ends + licence.grace_days * DAY
    note = f" {clock_sentence(clock)}" if clock.is_suspect else ""
    if clock.at <= end_of_grace:
        sentence = f"It ended on {day(licence.ends)}; new loads are refused after {day(end_of_grace)}.{note}"
        return Standing(licence, LicenceState.GRACE, sentence, whole_days(left), WARNING_DAYS[-1])
    sentence = f"It ended on {day(licence.ends)}: nothing new is loaded, what runs goes on.{note}"
    return Standing(licence, LicenceState.EXPIRED, sentence, whole_days(left))


def warning_for(left: timedelta) -> int | None:
    return min((days for days in WARNING_DAYS if left <= days * DAY), default=None)


def whole_days(left: timedelta) -> int:
    """Rounded down: 23 hours are 0 days, one hour past the end is -1."""
    return left // DAY


def clock_sentence(clock: Reckoning) -> str:
    return (
        f"The clock is {clock.behind // DAY} days behind the latest time that was seen here ({day(clock.at)});"
        " licences are judged by that. Set the clock right."
    )


def day(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC")
