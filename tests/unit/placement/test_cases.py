"""The cases of cases.yaml, one test each."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.placement.planner import plan
from tests.unit.placement.values import from_case, places

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())


@pytest.mark.parametrize("case", [case for case in CASES if "places" in case], ids=lambda case: case["name"])
def test_places(case: dict[str, Any]) -> None:
    nodes, claims, wanted = from_case(case)
    found = plan(nodes, demands=[wanted], claims=claims)
    assert sum(missing.replicas for missing in found.missing) == case.get("missing", 0)
    assert places(found) == [(name, indices) for name, indices in case["places"]]


@pytest.mark.parametrize("case", [case for case in CASES if "reasons" in case], ids=lambda case: case["name"])
def test_reasons(case: dict[str, Any]) -> None:
    nodes, claims, wanted = from_case(case)
    found = plan(nodes, demands=[wanted], claims=claims)
    assert found.assignments == ()
    said = {name: reason.sentence for name in case["nodes"] if (reason := found.missing[0].reason_on(name))}
    assert said == case["reasons"]
