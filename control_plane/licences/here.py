"""This appliance as licences see it: its key, and what it is made of."""

import platform
from dataclasses import dataclass, field
from importlib.metadata import version

from sqlalchemy.orm import Session

from appliance.base.box import read_box
from appliance.base.errors import SetupError
from appliance.base.ids import public_id
from appliance.base.paths import Home
from appliance.hardware.world import World
from appliance.licences.asking import Asker
from appliance.licences.fingerprint import observe
from appliance.licences.keys import read_appliance_key
from appliance.licences.standing import Box
from control_plane.nodes.repository import node_by_id
from control_plane.nodes.schemas import is_present

DISTRIBUTION = "thousand-sails"
IN_A_CLUSTER = "cluster"
NO_KEY_YET = b""


@dataclass(frozen=True)
class Here:
    """`world` is below `/`; tests put a folder in its place."""

    home: Home
    world: World = field(default_factory=World)

    @property
    def asker(self) -> Asker:
        return Asker(box_id=self.box_id, hostname=platform.node() or "unnamed", appliance_version=version(DISTRIBUTION))

    @property
    def box_id(self) -> str:
        """A pod of the control plane has no box of its own."""
        return public_id("node", read_box(self.home).node_id) if self.home.box_file.is_file() else IN_A_CLUSTER

    def box(self, session: Session) -> Box:
        """The accelerators are those of the node's last heartbeat, and none that is gone: a copied home brings the rows
        of its old cards along.
        """
        return Box(self.public_key, observe(self.world, accelerators=self.accelerators(session)))

    @property
    def public_key(self) -> bytes:
        try:
            return read_appliance_key(self.home).public_key
        except SetupError:
            return NO_KEY_YET

    def accelerators(self, session: Session) -> list[str]:
        if not self.home.box_file.is_file():
            return []
        node = node_by_id(session, read_box(self.home).node_id)
        if node is None:
            return []
        cards = [card for card in node.accelerators if is_present(card, node)]
        return [str(card.observed_facts["uuid"]) for card in cards if card.observed_facts.get("uuid")]
