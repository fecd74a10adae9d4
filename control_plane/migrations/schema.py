"""The whole schema as the code wants it: every slice's tables, and what Alembic shall not compare."""

from collections.abc import MutableMapping
from typing import Literal

from sqlalchemy import MetaData

from control_plane.audit import tables as audit_tables
from control_plane.catalogue import tables as catalogue_tables
from control_plane.database.base import Base
from control_plane.jobs import tables as job_tables
from control_plane.keys import tables as key_tables
from control_plane.licences import tables as licence_tables
from control_plane.nodes import tables as node_tables
from control_plane.placements import tables as placement_tables
from control_plane.public_names import tables as public_name_tables
from control_plane.reconcilers import tables as reconciler_tables
from control_plane.responses import tables as response_tables
from control_plane.routes import tables as route_tables
from control_plane.served_models import tables as served_model_tables
from control_plane.sessions import tables as session_tables
from control_plane.tenants import tables as tenant_tables
from control_plane.usage import tables as usage_tables
from control_plane.users import tables as user_tables
from control_plane.versions import tables as version_tables

SLICES = (
    audit_tables,
    tenant_tables,
    session_tables,
    user_tables,
    key_tables,
    node_tables,
    usage_tables,
    response_tables,
    job_tables,
    catalogue_tables,
    version_tables,
    licence_tables,
    placement_tables,
    public_name_tables,
    served_model_tables,
    route_tables,
    reconciler_tables,
)
"""Importing them is what fills the metadata."""

ParentName = Literal["schema_name", "table_name", "schema_qualified_table_name"]

metadata: MetaData = Base.metadata


def compared(name: str | None, kind: str, parent_names: MutableMapping[ParentName, str | None]) -> bool:
    """Partitions of the usage table come and go with the months; they are no drift."""
    del parent_names
    partition_prefix = f"{usage_tables.TABLE}_"
    return not (kind == "table" and name is not None and name.startswith(partition_prefix))
