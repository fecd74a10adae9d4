"""Agents and control planes one version apart understand each other."""

from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from appliance.base.contracts.heartbeat import AcceleratorReport, HealthReport, Heartbeat, LinkReport

NODE_ID = UUID("0199f0c2-b7a4-7c1d-8f3e-5a6b7c8d9e0f")
CARD = AcceleratorReport(
    key="GPU-1",
    index=0,
    vendor="nvidia",
    family="cuda",
    name="H100",
    healthy=False,
    problem="Xid 79.",
    health=HealthReport(state="failed", reasons=("Xid 79.",)),
    links=(LinkReport(peer_index=1, kind="fabric"),),
)
BEAT = Heartbeat(
    node_id=NODE_ID,
    hostname="rack-1",
    address="10.0.0.1",
    appliance_version="0.1.0",
    os="Debian",
    architecture="x86_64",
    cpu_model="EPYC",
    cpu_count=2,
    memory_bytes=10,
    accelerators=(CARD,),
    card_groups={"kunlun": {4: ((0, 1, 2, 3),)}},
)


class FirstCard(BaseModel):
    """What the first version of the contract had."""

    key: str
    index: int
    vendor: str
    family: str
    name: str
    memory_bytes: int | None = None
    driver_version: str | None = None
    healthy: bool = True
    problem: str | None = None


class FirstHeartbeat(BaseModel):
    format: int = 1
    node_id: UUID
    hostname: str
    address: str
    appliance_version: str
    os: str
    architecture: str
    cpu_model: str
    cpu_count: int
    cpu_flags: tuple[str, ...] = ()
    memory_bytes: int
    disk_free_bytes: int | None = None
    accelerators: tuple[FirstCard, ...] = ()
    spool_bytes: int = 0
    spool_oldest_seconds: float = 0.0


def test_a_control_plane_of_the_first_version_reads_an_agent_of_this_one() -> None:
    read = FirstHeartbeat.model_validate_json(BEAT.model_dump_json(exclude_none=True))
    assert (read.format, read.hostname) == (1, "rack-1")
    assert (read.accelerators[0].key, read.accelerators[0].problem) == ("GPU-1", "Xid 79.")


def test_an_agent_of_the_first_version_is_read_by_this_one() -> None:
    first = FirstHeartbeat.model_validate_json(BEAT.model_dump_json())
    read = Heartbeat.model_validate_json(first.model_dump_json())
    assert (read.accelerators[0].health, read.accelerators[0].healthy, read.card_groups) == (None, False, {})


def test_words_and_fields_of_a_later_agent_do_not_cost_the_heartbeat() -> None:
    document = BEAT.model_dump(mode="json")
    document["accelerators"][0] |= {"health": {"state": "sleepy"}, "links": [{"peer_index": 1, "kind": "cxl"}], "z": 1}
    read = Heartbeat.model_validate(document).accelerators[0]
    assert (read.health, read.links[0].kind) == (HealthReport(state="sleepy"), "cxl")


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValidationError, match="finite"):
        AcceleratorReport.model_validate({**CARD.model_dump(), "utilization": float("nan")})
