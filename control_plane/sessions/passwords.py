"""Set and change passwords."""

from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import public_id
from control_plane.access.domain import Credentials, Principal
from control_plane.audit.service import record
from control_plane.database.session import KeepsChanges
from control_plane.sessions import lockout, repository
from control_plane.sessions.domain import check_new_password, digest, hash_password, one_time_password, password_matches
from control_plane.sessions.tables import PasswordCredential
from control_plane.tenants.tables import User


class WrongPassword(KeepsChanges, BadRequest):
    """400 and not 401: the session is right, and a client must not log out over it."""

    code = "wrong_password"


def change_password(
    session: Session, principal: Principal, credentials: Credentials, *, current: str, new: str
) -> None:
    """One's own. Wrong ones are counted like wrong logins; every other session of the user ends."""
    counts = lockout.locked_counts(session, credentials, principal.name)
    credential = repository.credential_of(session, principal.user_id) if principal.user_id else None
    if credential is None:
        raise NotFound("This user has no password.")
    target = public_id("user", credential.user_id)
    if not password_matches(credential.password_hash, current):
        lockout.count_failure(session, counts)
        record(session, principal, "password.refuse", target)
        raise WrongPassword("The current password is wrong.", param="current_password")
    check_new_password(new, name=principal.name, old=current)
    lockout.forget_failures(counts)
    credential.password_hash, credential.must_change = hash_password(new), False
    kept = digest(credentials.session_token) if credentials.session_token else None
    repository.delete_sessions_of(session, credential.user_id, but_digest=kept)
    record(session, principal, "password.change", target)


def set_password(session: Session, user_id: UUID, password: str, *, must_change: bool) -> None:
    """Whether there was one or not; the caller writes the audit entry."""
    credential = repository.credential_of(session, user_id)
    if credential is None:
        credential = PasswordCredential(user_id=user_id, password_hash="")
        session.add(credential)
    credential.password_hash, credential.must_change = hash_password(password), must_change


def reset_password(session: Session, principal: Principal, user: User) -> str:
    """A one-time password for the user, who has to change it at the next login; all sessions end, locks are lifted."""
    password = one_time_password()
    set_password(session, user.id, password, must_change=True)
    ended = repository.delete_sessions_of(session, user.id, but_digest=None)
    repository.forget_failures_of(session, [digest(name.lower()) for name in (user.name, user.email) if name])
    record(session, principal, "password.reset", public_id("user", user.id), after={"ended_sessions": ended})
    return password
