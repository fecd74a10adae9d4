"""MLU-Link, as libcndev tells of it: ports, and the card at each one's other end."""

import ctypes

from appliance.hardware.inventory import Link, LinkKind
from appliance.hardware.vendors import cambricon_structures as cndev
from appliance.hardware.vendors.c_library import CLibrary, text_of

MOST_PORTS = 64
UP = (1, 3)
"""States of a port's MAC that carry data: up, ready."""
GB = 10**9
MOST_GB = 10_000


def links_of(library: CLibrary, device: int, *, index: int, uuids: dict[int, str | None]) -> tuple[Link, ...]:
    """One link per neighbour, named for the number of ports that lead there, with their speeds added up.

    The number of ports is what the call returns; a negative one is an error.
    """
    count = library.returned("cndevGetMLULinkPortNumber", device)
    known = {uuid: other for other, uuid in uuids.items() if uuid and other != index}
    ports: dict[int, list[int]] = {}
    for port in range(min(max(count or 0, 0), MOST_PORTS)):
        peer = known.get(_far_end(library, device, port) or "")
        if peer is not None:
            ports.setdefault(peer, []).append(_bytes_per_second(library, device, port))
    return tuple(
        Link(
            peer_index=peer,
            kind=LinkKind.FABRIC,
            name=f"MLU-Link x{len(speeds)}",
            bytes_per_second=sum(speeds) if all(speeds) else None,
        )
        for peer, speeds in sorted(ports.items())
    )


def _far_end(library: CLibrary, device: int, port: int) -> str | None:
    """The UUID of the card there; None where the port is down."""
    status, far = cndev.LinkStatusV2(), cndev.LinkRemote(version=cndev.VERSION)
    if not library.did("cndevGetMLULinkStatusV2", ctypes.byref(status), device, port) or status.mac not in UP:
        return None
    return (
        text_of(bytes(far.uuid)) if library.did("cndevGetMLULinkRemoteInfo", ctypes.byref(far), device, port) else None
    )


def _bytes_per_second(library: CLibrary, device: int, port: int) -> int:
    """0 where unknown."""
    said = cndev.LinkSpeed(version=cndev.VERSION)
    asked = library.did("cndevGetMLULinkSpeedInfo", ctypes.byref(said), device, port)
    return int(said.speed * GB) if asked and 0 < said.speed < MOST_GB else 0
