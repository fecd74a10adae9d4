"""`/api/v1/nodes`: read by admins, fed by agents."""

from fastapi import APIRouter

from appliance.base import clock
from appliance.base.contracts.heartbeat import Heartbeat
from appliance.base.errors import NotFound
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import CurrentNode, CurrentUser
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.nodes import repository, service
from control_plane.nodes.schemas import NodeAnswer, node_answer

router = APIRouter(prefix="/api/v1/nodes", tags=["nodes"])


@router.get("")
def list_nodes(session: DbSession, _: CurrentUser, after: After = None, limit: Limit = 20) -> ListAnswer[NodeAnswer]:
    now, page = clock.now(), repository.nodes_page(session, page_query("node", after=after, limit=limit))
    return list_answer([node_answer(node, now=now) for node in page.rows], has_more=page.has_more)


@router.post("/heartbeat")
def take_heartbeat(session: DbSession, principal: CurrentNode, body: Heartbeat) -> NodeAnswer:
    """A node's agent says who it is and what it has."""
    return node_answer(service.take_heartbeat(session, principal, body), now=clock.now())


@router.get("/{node_id}")
def get_node(session: DbSession, _: CurrentUser, node_id: str) -> NodeAnswer:
    key = parse_public_id("node", node_id)
    node = repository.node_by_id(session, key) if key else None
    if node is None:
        raise NotFound(f"There is no node {node_id[:80]!r}.", param="node_id")
    return node_answer(node, now=clock.now())
