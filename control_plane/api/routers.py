"""Every slice's router, in the slices' order; and the liveness check, which asks nobody."""

from fastapi import APIRouter

from control_plane.audit.endpoints import organization as audit_logs
from control_plane.audit.endpoints import router as audit
from control_plane.catalogue.endpoints import router as catalogue
from control_plane.exports.endpoints import router as exports
from control_plane.jobs.endpoints import router as jobs
from control_plane.keys.endpoints import organization as project_keys
from control_plane.keys.endpoints import router as keys
from control_plane.licences.endpoints import router as licences
from control_plane.modelpacks.endpoints import router as modelpacks
from control_plane.nodes.endpoints import metrics
from control_plane.nodes.endpoints import router as nodes
from control_plane.responses.endpoints import router as responses
from control_plane.routes.endpoints import router as routes
from control_plane.served_models.endpoints import router as served_models
from control_plane.service_accounts.endpoints import router as service_accounts
from control_plane.sessions.endpoints import organization as admin_keys
from control_plane.sessions.endpoints import router as sessions
from control_plane.system.endpoints import router as system
from control_plane.tenants.endpoints import router as tenants
from control_plane.usage.endpoints import router as usage
from control_plane.users.endpoints import organization as organization_users
from control_plane.users.endpoints import router as users
from control_plane.versions.endpoints import router as versions

liveness = APIRouter(tags=["system"])


@liveness.get("/healthz")
def healthz() -> dict[str, str]:
    """The process lives; it says nothing of the database."""
    return {"status": "ok"}


ROUTERS = (
    liveness,
    audit,
    audit_logs,
    tenants,
    sessions,
    admin_keys,
    organization_users,
    users,
    keys,
    project_keys,
    service_accounts,
    nodes,
    metrics,
    usage,
    responses,
    jobs,
    catalogue,
    modelpacks,
    versions,
    exports,
    licences,
    served_models,
    routes,
    system,
)
