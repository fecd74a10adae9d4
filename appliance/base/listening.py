"""Where API and gateway listen: their unix socket on one box, a TCP port in a pod (`cluster.listen_port`)."""

from pathlib import Path
from typing import TypedDict

from appliance.base.settings import Settings


class Listening(TypedDict, total=False):
    """Arguments of `uvicorn.Config`: either `uds`, or `host` and `port`."""

    uds: str
    host: str
    port: int


def listen_at(settings: Settings, *, socket: Path) -> Listening:
    if settings.cluster.listen_port is None:
        return {"uds": str(socket)}
    return {"host": settings.cluster.listen_host, "port": settings.cluster.listen_port}
