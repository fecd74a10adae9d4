"""Which TCP ports a box takes. Pure: what is taken goes in, the choice comes out."""

from collections.abc import Mapping

from appliance.base.box import Ports
from appliance.base.errors import SetupError

PREFERRED_PUBLIC = 8080
PUBLIC_TRIES = 100
FIRST_BLOCK = 12_000
BLOCK_SIZE = 100
BLOCKS = 200  # the last one ends at 31999, below the ports that Linux lends to outgoing connections
WORKER_PORTS_FROM = 20

INTERNAL = (
    "ray_gcs",
    "ray_dashboard",
    "ray_dashboard_agent_grpc",
    "ray_dashboard_agent_http",
    "ray_node_manager",
    "ray_object_manager",
    "ray_runtime_env_agent",
    "ray_metrics_export",
    "ray_client",
)


def choose_ports(*, home_key: str, taken: Mapping[int, str], explicit_public: int | None) -> Ports:
    """A public port and one block of a hundred for Ray; homes begin their search at different blocks."""
    return block_ports(free_block(home_key, taken=taken), public=choose_public(explicit_public, taken=taken))


def choose_public(explicit: int | None, *, taken: Mapping[int, str]) -> int:
    if explicit is not None:
        if explicit in taken:
            raise port_taken(explicit, holder=taken[explicit])
        return explicit
    for port in range(PREFERRED_PUBLIC, PREFERRED_PUBLIC + PUBLIC_TRIES):
        if port not in taken:
            return port
    raise SetupError(
        f"No port between {PREFERRED_PUBLIC} and {PREFERRED_PUBLIC + PUBLIC_TRIES - 1} is free.",
        hint="Set APPLIANCE_HTTP__PORT to a free port.",
    )


def free_block(home_key: str, *, taken: Mapping[int, str]) -> int:
    """The first port of a block of which nothing is taken."""
    begin = int(home_key, 16) % BLOCKS
    for offset in range(BLOCKS):
        first = FIRST_BLOCK + BLOCK_SIZE * ((begin + offset) % BLOCKS)
        if not any(port in taken for port in range(first, first + BLOCK_SIZE)):
            return first
    raise SetupError(
        f"No {BLOCK_SIZE} free ports in a row between {FIRST_BLOCK} and {FIRST_BLOCK + BLOCKS * BLOCK_SIZE - 1}.",
        hint="End programs that listen there: `ss -ltnp` shows them.",
    )


def block_ports(first: int, *, public: int) -> Ports:
    named = {name: first + offset for offset, name in enumerate(INTERNAL)}
    return Ports(
        public=public,
        **named,
        ray_worker_first=first + WORKER_PORTS_FROM,
        ray_worker_last=first + BLOCK_SIZE - 1,
    )


def keep_or_choose(stored: Ports, *, home_key: str, taken: Mapping[int, str], explicit_public: int | None) -> Ports:
    """The stored ports while nobody else sits on them; Ray's block may move, the public port only when told to."""
    public = stored.public if explicit_public is None else explicit_public
    if public in taken:
        raise port_taken(public, holder=taken[public])
    internal = stored.model_dump(exclude={"public"})
    workers = range(stored.ray_worker_first, stored.ray_worker_last + 1)
    if any(port in taken for port in (*internal.values(), *workers)):
        return block_ports(free_block(home_key, taken=taken), public=public)
    return stored.model_copy(update={"public": public})


def port_taken(port: int, *, holder: str) -> SetupError:
    return SetupError(
        f"Port {port} is in use by {holder}.",
        hint="End that program, or choose another port: APPLIANCE_HTTP__PORT=<port> appliance up",
    )
