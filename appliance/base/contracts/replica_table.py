"""The live replica table in Redis: each replica says every 2 s where its engine listens and how it is.

Hash `replicas`, field = replica id, value = the record as JSON. A record older than `STALE_SECONDS` is doubtful. Redis
that comes back empty means unknown, not none: readers keep what they last saw until a replica fails to answer.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

REPLICA_FORMAT = 1
REPLICAS_KEY = "replicas"
PUBLISH_SECONDS = 2.0
STALE_SECONDS = 10.0

ReplicaState = Literal["starting", "ready", "draining"]


class ReplicaRecord(BaseModel):
    """`endpoint` is `unix:/path` on this node or `http(s)://host:port`; `engine_pid` is for doctor and fault tests.

    `capacity` is how many requests its engine works on at once, where that is known.
    """

    model_config = ConfigDict(frozen=True)

    format: int = REPLICA_FORMAT
    replica_id: str
    served_model_id: str
    version_id: str
    node_id: str
    endpoint: str
    state: ReplicaState
    engine_pid: int
    replica_pid: int
    started_at: float
    published_at: float
    capacity: int | None = None
