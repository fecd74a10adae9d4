"""How many Ray worker pods the served models need. Pure: reads a Serve config and a RayCluster's worker groups."""

import copy
from collections.abc import Iterable
from typing import Any, cast

WorkerGroup = dict[str, Any]
"""One entry of `spec.workerGroupSpecs` (KubeRay, `ray-operator/apis/ray/v1/raycluster_types.go`, WorkerGroupSpec)."""


def replica_cpus(applications: Iterable[dict[str, Any]]) -> list[float]:
    """The cores of each replica that the applications ask for, largest first (the form of `appliance.serving.spec`)."""
    cpus = [size for application in applications for size in cpus_of_application(application)]
    return sorted(cpus, reverse=True)


def cpus_of_application(application: dict[str, Any]) -> list[float]:
    arguments = cast(dict[str, Any], application.get("args") or {})
    deployments = cast(list[dict[str, Any]], application.get("deployments") or [])
    replicas = sum(int(deployment.get("num_replicas") or 0) for deployment in deployments)
    return [float(arguments.get("num_cpus", 1))] * replicas


def pods_needed(cpus: list[float], *, cpus_per_pod: float) -> int:
    """First-fit decreasing. A replica larger than a pod is counted as one pod; Serve shows it as waiting."""
    free: list[float] = []
    for wanted in cpus:
        fitting = next((index for index, left in enumerate(free) if left >= wanted), None)
        if fitting is None:
            free.append(cpus_per_pod - wanted)
        else:
            free[fitting] -= wanted
    return len(free)


def grow(groups: list[WorkerGroup], *, applications: Iterable[dict[str, Any]]) -> list[WorkerGroup] | None:
    """The groups with enough pods for the applications, or None when they have enough or can have no more.

    Groups fill in the order in which they stand, up to `maxReplicas`. Nothing shrinks: KubeRay would choose the
    pod to remove without knowing which engine is idle.
    """
    left = replica_cpus(applications)
    grown = copy.deepcopy(groups)
    for group in grown:
        size = cpus_of(group)
        fitting = [cpus for cpus in left if cpus <= size]
        present, most = int(group.get("replicas") or 0), int(group.get("maxReplicas") or 0)
        group["replicas"] = max(present, min(most, pods_needed(fitting, cpus_per_pod=size)))
        left = without_placed(left, pods=group["replicas"], cpus_per_pod=size)
    return grown if grown != groups else None


def without_placed(cpus: list[float], *, pods: int, cpus_per_pod: float) -> list[float]:
    """What first-fit decreasing leaves over when there are `pods` pods."""
    free = [cpus_per_pod] * pods
    left: list[float] = []
    for wanted in cpus:
        fitting = next((index for index, room in enumerate(free) if room >= wanted), None)
        if fitting is None:
            left.append(wanted)
        else:
            free[fitting] -= wanted
    return left


def cpus_of(group: WorkerGroup) -> float:
    """The group's `num-cpus`, which the chart always writes; 0 for a group made by somebody else."""
    return float(cast(dict[str, str], group.get("rayStartParams") or {}).get("num-cpus", 0))
