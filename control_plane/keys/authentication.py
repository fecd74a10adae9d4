"""An API key with an admin scope as a caller of the admin API.

It acts with its owner's role in the key's own project and nowhere else: a service account's, or the user's. A user who
reaches every project by the role in the organization counts as that project's admin here.
"""

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.ids import public_id
from appliance.base.networks import holds_address
from control_plane.access.domain import Credentials, Principal, PrincipalKind, ProjectRole, Role, Via
from control_plane.keys import repository
from control_plane.keys.domain import ADMIN_READ, ADMIN_WRITE, parse_key_secret
from control_plane.keys.tables import ApiKey
from control_plane.tenants.repository import memberships, service_account, user_by_id


def authenticate(session: Session, credentials: Credentials) -> Principal | None:
    """None for a key without an admin scope, from outside of its networks, or without a role in its project."""
    secret = parse_key_secret(credentials.bearer) if credentials.bearer else None
    key = repository.live_key_by_digest(session, secret.digest, at=clock.now()) if secret else None
    if key is None or not {ADMIN_READ, ADMIN_WRITE} & set(key.scopes or ()):
        return None
    if key.allowed_networks is not None and not holds_address(key.allowed_networks, credentials.address):
        return None
    name, role = owner_of(session, key)
    if role is None:
        return None
    return Principal(
        kind=PrincipalKind.USER,
        user_id=key.user_id,
        name=name,
        projects={key.project_id: role},
        only_reads=ADMIN_WRITE not in (key.scopes or ()),
        via=Via.API_KEY,
        proof_id=public_id("key", key.id),
        request_id=credentials.request_id,
        address=credentials.address,
    )


def owner_of(session: Session, key: ApiKey) -> tuple[str, ProjectRole | None]:
    if key.service_account_id is not None:
        account = service_account(session, key.service_account_id)
        return (f"service account {account.name}", account.role) if account else ("", None)
    user = user_by_id(session, key.user_id) if key.user_id else None
    if user is None:
        return "", None
    if user.role in (Role.OWNER, Role.ADMIN):
        return user.name, ProjectRole.ADMIN
    return user.name, memberships(session, user.id).get(key.project_id)
