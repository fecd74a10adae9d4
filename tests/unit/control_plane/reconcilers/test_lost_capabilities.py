"""What the engine of a placement does not bring out of a model is said beside the served model."""

from uuid import uuid4

import pytest

from appliance.engines.chat import ChatFacts
from appliance.placement.layouts import Layout
from control_plane.placements.domain import Decision, PlacementState, Seat
from control_plane.placements.service import Outcome, Row
from control_plane.reconcilers.serve_load import Loaded, remarks_of
from control_plane.versions.domain import EngineFacts

MODEL = uuid4()
FACTS = EngineFacts(chat=ChatFacts(tool_parser="kimi_k3", reasoning_parser="qwen3"))


def placed(pack: str, *, state: PlacementState = PlacementState.PLACED) -> Row:
    seat = Seat(layout=Layout(pack, "cpu", 1))
    return Row(uuid4(), MODEL, uuid4(), state, seat)


def remark(*rows: Row, facts: EngineFacts = FACTS) -> str | None:
    loaded = Loaded(wanted=[], orders={}, engines={MODEL: facts}, versions={}, rows=[], nodes=None, selectors={})
    return remarks_of(Outcome(Decision(), (), rows, {}), loaded).get(MODEL)


def test_each_loss_is_said_once_for_all_replicas() -> None:
    said = "Tool calls stay in the text of its answers: vllm-kunlun 0.11.0 has no parser `kimi_k3`."
    assert remark(placed("vllm-kunlun"), placed("vllm-kunlun")) == said


@pytest.mark.parametrize("facts", [FACTS, EngineFacts()])
def test_where_nothing_is_lost_nothing_is_said(facts: EngineFacts) -> None:
    assert remark(placed("vllm-cpu"), facts=facts) is None
    assert remark(placed("vllm-kunlun", state=PlacementState.STOPPING), facts=facts) is None
