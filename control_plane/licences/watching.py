"""Write down how each licence stands, and say it once when that changes or a warning is due."""

from datetime import datetime

from sqlalchemy.orm import Session

from appliance.base.logs import get_logger
from appliance.licences.standing import LOADS, LicenceState, Standing
from control_plane.access.domain import SYSTEM
from control_plane.audit.service import record
from control_plane.database.session import nudge
from control_plane.licences.service import SERVE
from control_plane.licences.tables import AppliedLicence

log = get_logger(__name__)

WARNED = (LicenceState.EXPIRING, LicenceState.GRACE, LicenceState.CLOCK_SUSPECT)


def observe(session: Session, row: AppliedLicence, standing: Standing, *, now: datetime) -> None:
    """What loads and what not may change with it, so the serve reconciler is hurried."""
    if row.observed_state is not standing.state:
        tell_change(session, row, standing)
    if row.observed_reason != standing.sentence or row.observed_state is not standing.state:
        row.observed_state, row.observed_reason, row.observed_at = standing.state, standing.sentence, now
    warn(session, row, standing)


def tell_change(session: Session, row: AppliedLicence, standing: Standing) -> None:
    before = row.observed_state
    tell = log.info if standing.state is LicenceState.VALID else log.warning
    tell("licence_state_changed", licence=row.licence_id, state=standing.state.value, reason=standing.sentence)
    record(
        session,
        SYSTEM,
        "licence.state",
        row.licence_id,
        before={"state": before.value} if before else None,
        after={"state": standing.state.value, "reason": standing.sentence},
    )
    if before is None or (before in LOADS) != standing.loads:
        nudge(session, SERVE)


def warn(session: Session, row: AppliedLicence, standing: Standing) -> None:
    """Once at 30 days, 14, 7 and 1; each threshold is lower than the one before, so none is said twice."""
    due = standing.warning_days
    if due is None or standing.state not in WARNED or (row.warned_days is not None and row.warned_days <= due):
        return
    row.warned_days = due
    log.warning("licence_ends_soon", licence=row.licence_id, days_left=standing.days_left, reason=standing.sentence)
    after = {"threshold_days": due, "days_left": standing.days_left, "reason": standing.sentence}
    record(session, SYSTEM, "licence.warning", row.licence_id, after=after)
