from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from appliance.base.ids import new_uuid
from appliance.serving.spec import ReplicaSpec, serve_document
from control_plane.cluster.port import ApplicationStatus, ClusterObservation, ObservedApplication
from control_plane.reconcilers.serve_plan import PlacedReplica, Plan, Wanted, contains, differs, gist, make_plan
from control_plane.served_models.tables import DesiredState, ObservedState
from control_plane.versions.tables import VersionState

NOTHING = ClusterObservation()


def spec(application: str) -> ReplicaSpec:
    return ReplicaSpec(
        application=application, served_model_id="srv-1", version_id="ver-1", model_name="m", task="chat",
        engine_version="1", weights_path=Path("/w"), max_model_len=16, kv_cache_bytes=1, home=Path("/h"),
        node_id="node-1",
    )  # fmt: skip


def placed(*applications: str) -> tuple[PlacedReplica, ...]:
    return tuple(PlacedReplica(name, spec(name)) for name in applications)


def wanted(name: str, **changes: Any) -> Wanted:
    values: dict[str, Any] = {
        "id": new_uuid(),
        "name": name,
        "desired_state": DesiredState.SERVING,
        "desired_replicas": 1,
        "version_state": VersionState.READY,
        "replicas": placed(f"plc-{name}"),
    }
    return Wanted(**{**values, **changes})


def running(
    *names: str, status: ApplicationStatus = ApplicationStatus.RUNNING, replicas: int = 1
) -> ClusterObservation:
    return ClusterObservation(
        {
            f"plc-{name}": ObservedApplication(
                f"plc-{name}",
                status,
                message="Traceback\n  deep\nRuntimeError: no",
                config=serve_document([spec(f"plc-{name}")])["applications"][0],
                running_replicas=replicas,
            )
            for name in names
        }
    )


def plan(*models: Wanted, seen: ClusterObservation = NOTHING, held_back: frozenset[str] = frozenset()) -> Plan:
    return make_plan(models, seen, held_back=held_back)


def names(made: Plan) -> list[str]:
    return [each.application for each in made.specs]


def state(made: Plan, key: UUID) -> ObservedState:
    return made.seen[key].state


def test_what_is_wanted_and_ready_is_put() -> None:
    model = wanted("a")
    assert names(plan(model)) == ["plc-a"]
    assert state(plan(model), model.id) is ObservedState.STARTING


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"desired_replicas": 0}, ObservedState.ABSENT),
        ({"desired_state": DesiredState.REMOVED}, ObservedState.ABSENT),
        ({"version_state": VersionState.IMPORTING, "replicas": ()}, ObservedState.WAITING),
        ({"version_state": VersionState.FAILED, "replicas": ()}, ObservedState.FAILED),
        ({"version_state": VersionState.DAMAGED}, ObservedState.FAILED),
    ],
)
def test_what_is_not_to_start_is_not_put(change: dict[str, Any], expected: ObservedState) -> None:
    model = wanted("a", **change)
    assert names(plan(model)) == []
    assert state(plan(model), model.id) is expected


def test_what_runs_of_a_damaged_version_goes_on() -> None:
    model = wanted("a", version_state=VersionState.DAMAGED)
    assert names(plan(model, seen=running("a"))) == ["plc-a"]


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
    assert names(plan(first, second)) == ["plc-a"]
    assert plan(first, second).seen[second.id].reason == "It starts after a."
    assert names(plan(first, second, seen=running("a", status=ApplicationStatus.DEPLOYING))) == ["plc-a"]
    assert names(plan(first, second, seen=running("a"))) == ["plc-a", "plc-b"]
    both = ClusterObservation(
        {**running("a", status=ApplicationStatus.DEPLOYING).applications, **running("b").applications}
    )
    assert names(plan(first, second, seen=both)) == ["plc-a", "plc-b"]


@pytest.mark.parametrize(
    "change",
    [
        {"desired_replicas": 0},
        {"desired_state": DesiredState.REMOVED},
        {"version_state": VersionState.FAILED, "replicas": ()},
    ],
)
def test_it_does_not_wait_for_one_that_will_not_come(change: dict[str, Any]) -> None:
    first = wanted("a", **change)
    assert names(plan(first, wanted("b", start_after=first.id))) == ["plc-b"]


def test_a_failed_start_is_left_out_once() -> None:
    failed = running("a", status=ApplicationStatus.DEPLOY_FAILED)
    assert names(plan(wanted("a"), seen=failed, held_back=frozenset({"plc-a"}))) == []


def test_a_replica_on_its_way_out_is_not_put_and_shows_until_it_is_gone() -> None:
    model = wanted("a", desired_replicas=0, replicas=(PlacedReplica("plc-a"),))
    assert names(plan(model, seen=running("a"))) == []
    assert state(plan(model, seen=running("a")), model.id) is ObservedState.DRAINING


def test_replicas_are_counted_over_their_applications() -> None:
    model = wanted("a", desired_replicas=2, replicas=placed("plc-a", "plc-b"))
    seen = plan(model, seen=running("a", "b")).seen[model.id]
    assert (seen.state, seen.replicas, seen.reason) == (ObservedState.READY, 2, None)


def test_one_that_answers_makes_the_model_ready_and_the_other_is_told_of() -> None:
    model = wanted("a", desired_replicas=2, replicas=placed("plc-a", "plc-b"))
    both = {
        **running("a").applications,
        **running("b", status=ApplicationStatus.DEPLOY_FAILED, replicas=0).applications,
    }
    seen = plan(model, seen=ClusterObservation(both)).seen[model.id]
    assert (seen.state, seen.replicas, seen.reason) == (ObservedState.READY, 1, "RuntimeError: no")


def test_a_model_without_a_place_waits_and_says_why() -> None:
    model = wanted("a", replicas=(), missing="1 of 1 replica found no place. Node x: the node is draining.")
    seen = plan(model).seen[model.id]
    assert (seen.state, seen.reason) == (ObservedState.WAITING, model.missing)
    second = wanted("b", start_after=model.id)
    assert names(plan(model, second)) == ["plc-b"]


def test_a_replica_without_a_place_is_told_of_beside_those_that_run() -> None:
    model = wanted("a", desired_replicas=2, missing="1 of 2 replicas found no place.", remark="One leaves.")
    seen = plan(model, seen=running("a")).seen[model.id]
    assert (seen.state, seen.reason) == (ObservedState.READY, "One leaves. 1 of 2 replicas found no place.")


def test_backlog_counts_what_is_on_its_way() -> None:
    assert plan(wanted("a"), wanted("b", desired_replicas=0)).backlog == 1
    assert plan(wanted("a"), seen=running("a")).backlog == 0


def test_the_document_is_put_only_where_the_cluster_differs() -> None:
    document = serve_document([spec("plc-a")])
    assert differs(document, NOTHING)
    assert not differs(document, running("a"))
    assert differs(document, running("a", status=ApplicationStatus.DELETING))
    assert differs(serve_document([spec("plc-a"), spec("plc-b")]), running("a"))
    assert differs(document, running("a", "b"))
    assert not differs(serve_document([]), running("a", status=ApplicationStatus.DELETING))
    unknown = ClusterObservation({"plc-a": ObservedApplication("plc-a", ApplicationStatus.RUNNING)})
    assert differs(document, unknown)


def test_defaults_that_the_cluster_fills_in_are_no_difference() -> None:
    assert contains({"a": 1, "b": [{"c": 2, "d": None}], "e": 3}, {"a": 1, "b": [{"c": 2}]})
    assert not contains({"a": [1]}, {"a": [1, 2]})
    assert not contains({"a": 1}, {"a": {"b": 1}})
    assert contains({}, {"a": None})


def test_the_last_line_of_a_stack_trace_says_what_happened() -> None:
    assert gist("Traceback\n  x\nValueError: bad\n\n") == "ValueError: bad"
    assert gist("") is None
