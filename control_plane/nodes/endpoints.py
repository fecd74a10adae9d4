"""`/api/v1/nodes`: read by users, drained by admins, fed by agents; and `/api/v1/metrics` for Prometheus."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from appliance.base import clock
from appliance.base.contracts.heartbeat import Heartbeat
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import CurrentNode, needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.nodes import repository, service
from control_plane.nodes.domain import DesiredNodeState
from control_plane.nodes.metrics import exposition
from control_plane.nodes.sample_schemas import SamplePage, sample_page
from control_plane.nodes.samples import DAY, SampleQuery, SampleWidth
from control_plane.nodes.schemas import NodeAnswer, node_answer

router = APIRouter(prefix="/api/v1/nodes", tags=["nodes"])
metrics = APIRouter(prefix="/api/v1/metrics", tags=["nodes"])

Reads = Annotated[Principal, needs(Permission.NODES_READ)]
Writes = Annotated[Principal, needs(Permission.NODES_WRITE)]

Time = Annotated[int | None, Query(ge=0, lt=253402300800, description="Unix seconds.")]


@router.get("")
def list_nodes(session: DbSession, _: Reads, after: After = None, limit: Limit = 20) -> ListAnswer[NodeAnswer]:
    now, page = clock.now(), repository.nodes_page(session, page_query("node", after=after, limit=limit))
    return list_answer([node_answer(node, now=now) for node in page.rows], has_more=page.has_more)


@router.post("/heartbeat")
def take_heartbeat(session: DbSession, principal: CurrentNode, body: Heartbeat) -> NodeAnswer:
    """A node's agent says who it is and what it has."""
    return node_answer(service.take_heartbeat(session, principal, body), now=clock.now())


@router.get("/{node_id}")
def get_node(session: DbSession, _: Reads, node_id: str) -> NodeAnswer:
    return node_answer(service.get_node(session, parse_public_id("node", node_id)), now=clock.now())


@router.post("/{node_id}/drain")
def drain_node(session: DbSession, principal: Writes, node_id: str) -> NodeAnswer:
    """Nothing new is placed on the node, and its replicas move: each runs on until another answers in its place, and
    stays where no other node can run it.
    """
    node = service.get_node(session, parse_public_id("node", node_id))
    return node_answer(service.want(session, principal, node, DesiredNodeState.DRAINING), now=clock.now())


@router.post("/{node_id}/undrain")
def undrain_node(session: DbSession, principal: Writes, node_id: str) -> NodeAnswer:
    """Take a drain back."""
    node = service.get_node(session, parse_public_id("node", node_id))
    return node_answer(service.want(session, principal, node, DesiredNodeState.SERVING), now=clock.now())


@router.get("/{node_id}/samples")
def get_node_samples(
    session: DbSession,
    _: Reads,
    node_id: str,
    start_time: Time = None,
    end_time: Time = None,
    bucket_width: SampleWidth = SampleWidth.HOUR,
) -> SamplePage:
    """Every card's utilization, memory, temperature and power over time, mean and maximum; the last day where no time
    is given, 1440 buckets at most. Minutes are kept for 8 days, hours for 400.
    """
    node = service.get_node(session, parse_public_id("node", node_id))
    end = datetime.fromtimestamp(end_time, UTC) if end_time is not None else clock.now()
    start = datetime.fromtimestamp(start_time, UTC) if start_time is not None else end - DAY
    query = SampleQuery(node_id=node.id, start=start, end=end, width=bucket_width)
    query.check()
    return sample_page(query, repository.samples(session, query))


@metrics.get("", response_class=PlainTextResponse)
def get_metrics(session: DbSession, _: Reads) -> Response:
    """Nodes and cards in Prometheus' text format."""
    return Response(exposition(repository.all_nodes(session), now=clock.now()), media_type=CONTENT_TYPE_PLAIN_0_0_4)
