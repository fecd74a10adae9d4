"""When status is green, and what it says when it is not."""

import pytest

from installer.admin_client import JsonObject
from installer.status_report import ENGINES, ProcessReport, StatusReport, reconciler_problems, served_model_problem

NOW = 1_000_000


def process(name: str = "api", state: str = "RUNNING", memory_bytes: int = 100) -> ProcessReport:
    return ProcessReport(name, state, 1, 10, memory_bytes=memory_bytes, processes=1, problem="")


def reconciler(name: str, *, silent: int = 1, error: str | None = None) -> JsonObject:
    return {"name": name, "last_run_at": NOW - silent, "last_error": error, "backlog": 0}


def served(*states: str, desired: int = 1, reason: str | None = None) -> JsonObject:
    replicas = [{"state": state} for state in states]
    observed = {"observed_state": "starting", "observed_reason": reason}
    return {"name": "guide", "desired_replicas": desired, "replicas": replicas, **observed}


def report(
    *processes: ProcessReport,
    reconcilers: tuple[JsonObject, ...] = (),
    models: tuple[JsonObject, ...] = (),
    api_problem: str | None = None,
) -> StatusReport:
    return StatusReport("/home", processes, reconcilers, models, versions={}, api_problem=api_problem, now=NOW)


def test_all_running_is_green() -> None:
    assert report(process(), reconcilers=(reconciler("serve"),), models=(served("ready"),)).is_green


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (report(), "the appliance is not running"),
        (report(process(state="BACKOFF")), "api is BACKOFF"),
        (report(process(), api_problem="no answer"), "no answer"),
        (report(process(), reconcilers=(reconciler("serve", error="boom"),)), "reconciler serve: boom"),
        (report(process(), reconcilers=(reconciler("serve", silent=99),)), "no reconciler has run for 99 s"),
        (report(process(), models=(served(),)), "model guide is starting, 0 of 1 replicas ready"),
    ],
)
def test_what_is_not_well_is_said(seen: StatusReport, problem: str) -> None:
    assert not seen.is_green
    assert problem in seen.problems()


def test_a_slow_reconciler_among_quick_ones_is_not_silent() -> None:
    assert reconciler_problems([reconciler("serve"), reconciler("partitions", silent=3000)], now=NOW) == []


def test_a_stopped_model_is_as_it_should_be() -> None:
    assert served_model_problem(served(desired=0)) is None


def test_engines_are_not_in_the_sum() -> None:
    assert report(process(), process(ENGINES, memory_bytes=5000)).memory_without_engines_bytes == 100


def test_the_document_carries_the_verdict() -> None:
    document = report(process()).document()
    assert document["green"] is True
    assert document["processes"][0]["name"] == "api"
