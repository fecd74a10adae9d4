"""The rows without which nothing works: tenant, admin, tokens, first API key, catalogue, usage partitions.

Makes what is missing and changes nothing that is right. The secrets are files in the home, made here if nobody did.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, ensure_secret, write_secret
from control_plane.audit.service import seal
from control_plane.catalogue.service import sync_catalogue
from control_plane.keys.domain import KeySecret, new_key_secret, parse_key_secret
from control_plane.keys.service import ensure_first_key
from control_plane.served_models.bundled import ensure_bundled
from control_plane.sessions.seeding import ensure_password, ensure_token
from control_plane.sessions.tables import TokenKind
from control_plane.tenants.service import ensure_default_tenant
from control_plane.usage.service import ensure_partitions

CLI_CLIENT = "cli"
NODE_CLIENTS = "nodes"


def write_first_rows(session: Session, home: Home, *, now: datetime, serve_bundled: bool = True) -> None:
    """Idempotent; a password or key that an admin changed or revoked since stays as it is. Entries of the audit log
    that a version before the chain wrote are taken into it.
    """
    ensure_partitions(session, now=now)
    project, admin = ensure_default_tenant(session)
    ensure_password(session, admin.id, ensure_secret(home, Secret.ADMIN_PASSWORD))
    ensure_secret(home, Secret.FORWARD_KEY)
    admin_token, node_token = ensure_secret(home, Secret.ADMIN_TOKEN), ensure_secret(home, Secret.NODE_TOKEN)
    ensure_token(session, TokenKind.ADMIN, name=CLI_CLIENT, token=admin_token, user_id=admin.id)
    ensure_token(session, TokenKind.NODE, name=NODE_CLIENTS, token=node_token)
    ensure_first_key(session, first_key_secret(home), project_id=project.id, user_id=admin.id)
    sync_catalogue(session)
    if serve_bundled:
        ensure_bundled(session)
    session.flush()
    seal(session)


def first_key_secret(home: Home) -> KeySecret:
    """The secret of the file, made if it is missing; raises SetupError where the file holds something else."""
    path = home.secrets / Secret.FIRST_API_KEY
    if not path.exists():
        write_secret(home, Secret.FIRST_API_KEY, new_key_secret().text)
    secret = parse_key_secret(ensure_secret(home, Secret.FIRST_API_KEY))
    if secret is None:
        raise SetupError(f"{path} does not hold an API key.", hint="Remove it and start again; a new one is made.")
    return secret
