from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from appliance.base.ids import new_uuid
from appliance.serving.spec import ServedVersionSpec, serve_document
from control_plane.cluster.port import ApplicationStatus, ClusterObservation, ObservedApplication
from control_plane.reconcilers.serve_plan import Plan, Wanted, contains, differs, gist, make_plan
from control_plane.served_models.tables import DesiredState, ObservedState
from control_plane.versions.tables import VersionState

NOTHING = ClusterObservation()


def spec(application: str, *, replicas: int = 1) -> ServedVersionSpec:
    return ServedVersionSpec(
        served_model_id=application, version_id="ver-1", model_name="m", task="chat", engine_version="1",
        weights_path=Path("/w"), max_model_len=16, num_replicas=replicas, num_cpus=0.5,
        home=Path("/h"), node_id="node-1",
    )  # fmt: skip


def wanted(name: str, **changes: Any) -> Wanted:
    values: dict[str, Any] = {
        "id": new_uuid(),
        "application": f"srv-{name}",
        "name": name,
        "desired_state": DesiredState.SERVING,
        "desired_replicas": 1,
        "version_state": VersionState.READY,
        "spec": spec(f"srv-{name}"),
    }
    return Wanted(**{**values, **changes})


def running(
    *names: str, status: ApplicationStatus = ApplicationStatus.RUNNING, replicas: int = 1
) -> ClusterObservation:
    return ClusterObservation(
        {
            f"srv-{name}": ObservedApplication(
                f"srv-{name}",
                status,
                message="Traceback\n  deep\nRuntimeError: no",
                config=serve_document([spec(f"srv-{name}")])["applications"][0],
                running_replicas=replicas,
            )
            for name in names
        }
    )


def plan(*models: Wanted, seen: ClusterObservation = NOTHING, held_back: frozenset[str] = frozenset()) -> Plan:
    return make_plan(models, seen, held_back=held_back)


def names(made: Plan) -> list[str]:
    return [each.served_model_id for each in made.specs]


def state(made: Plan, key: UUID) -> ObservedState:
    return made.seen[key].state


def test_what_is_wanted_and_ready_is_put() -> None:
    model = wanted("a")
    assert names(plan(model)) == ["srv-a"]
    assert state(plan(model), model.id) is ObservedState.STARTING


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"desired_replicas": 0}, ObservedState.ABSENT),
        ({"desired_state": DesiredState.REMOVED}, ObservedState.ABSENT),
        ({"version_state": VersionState.IMPORTING, "spec": None}, ObservedState.WAITING),
        ({"version_state": VersionState.FAILED, "spec": None}, ObservedState.FAILED),
        ({"version_state": VersionState.DAMAGED}, ObservedState.FAILED),
    ],
)
def test_what_is_not_to_start_is_not_put(change: dict[str, Any], expected: ObservedState) -> None:
    model = wanted("a", **change)
    assert names(plan(model)) == []
    assert state(plan(model), model.id) is expected


def test_what_runs_of_a_damaged_version_goes_on() -> None:
    model = wanted("a", version_state=VersionState.DAMAGED)
    assert names(plan(model, seen=running("a"))) == ["srv-a"]


def test_stopping_shows_as_draining_until_the_application_is_gone() -> None:
    model = wanted("a", desired_replicas=0)
    assert state(plan(model, seen=running("a")), model.id) is ObservedState.DRAINING


def test_a_removed_model_is_gone_when_its_application_is() -> None:
    model = wanted("a", desired_state=DesiredState.REMOVED)
    assert plan(model, seen=running("a")).gone == []
    assert plan(model).gone == [model.id]


@pytest.mark.parametrize(
    ("status", "replicas", "expected"),
    [
        (ApplicationStatus.DEPLOYING, 0, ObservedState.STARTING),
        (ApplicationStatus.DEPLOYING, 1, ObservedState.READY),
        (ApplicationStatus.RUNNING, 1, ObservedState.READY),
        (ApplicationStatus.UNHEALTHY, 0, ObservedState.UNHEALTHY),
        (ApplicationStatus.DEPLOY_FAILED, 0, ObservedState.FAILED),
        (ApplicationStatus.UNKNOWN, 0, ObservedState.UNHEALTHY),
    ],
)
def test_states_are_told_from_the_cluster(status: ApplicationStatus, replicas: int, expected: ObservedState) -> None:
    model = wanted("a")
    seen = plan(model, seen=running("a", status=status, replicas=replicas)).seen[model.id]
    assert seen.state is expected
    assert seen.reason == (None if expected is ObservedState.READY else "RuntimeError: no")


def test_the_second_waits_for_the_first_only_before_its_own_start() -> None:
    first = wanted("a")
    second = wanted("b", start_after=first.id)
    assert names(plan(first, second)) == ["srv-a"]
    assert plan(first, second).seen[second.id].reason == "It starts after a."
    assert names(plan(first, second, seen=running("a", status=ApplicationStatus.DEPLOYING))) == ["srv-a"]
    assert names(plan(first, second, seen=running("a"))) == ["srv-a", "srv-b"]
    both = ClusterObservation(
        {**running("a", status=ApplicationStatus.DEPLOYING).applications, **running("b").applications}
    )
    assert names(plan(first, second, seen=both)) == ["srv-a", "srv-b"]


@pytest.mark.parametrize(
    "change",
    [
        {"desired_replicas": 0},
        {"desired_state": DesiredState.REMOVED},
        {"version_state": VersionState.FAILED, "spec": None},
    ],
)
def test_it_does_not_wait_for_one_that_will_not_come(change: dict[str, Any]) -> None:
    first = wanted("a", **change)
    assert names(plan(first, wanted("b", start_after=first.id))) == ["srv-b"]


def test_a_failed_start_is_left_out_once() -> None:
    failed = running("a", status=ApplicationStatus.DEPLOY_FAILED)
    assert names(plan(wanted("a"), seen=failed, held_back=frozenset({"srv-a"}))) == []


def test_backlog_counts_what_is_on_its_way() -> None:
    assert plan(wanted("a"), wanted("b", desired_replicas=0)).backlog == 1
    assert plan(wanted("a"), seen=running("a")).backlog == 0


def test_the_document_is_put_only_where_the_cluster_differs() -> None:
    document = serve_document([spec("srv-a")])
    assert differs(document, NOTHING)
    assert not differs(document, running("a"))
    assert differs(document, running("a", status=ApplicationStatus.DELETING))
    assert differs(serve_document([spec("srv-a", replicas=2)]), running("a"))
    assert differs(document, running("a", "b"))
    assert not differs(serve_document([]), running("a", status=ApplicationStatus.DELETING))
    unknown = ClusterObservation({"srv-a": ObservedApplication("srv-a", ApplicationStatus.RUNNING)})
    assert differs(document, unknown)


def test_defaults_that_the_cluster_fills_in_are_no_difference() -> None:
    assert contains({"a": 1, "b": [{"c": 2, "d": None}], "e": 3}, {"a": 1, "b": [{"c": 2}]})
    assert not contains({"a": [1]}, {"a": [1, 2]})
    assert not contains({"a": 1}, {"a": {"b": 1}})
    assert contains({}, {"a": None})


def test_the_last_line_of_a_stack_trace_says_what_happened() -> None:
    assert gist("Traceback\n  x\nValueError: bad\n\n") == "ValueError: bad"
    assert gist("") is None
