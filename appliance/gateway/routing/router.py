"""What this gateway knows beside the snapshot and the replica table: gates, retry budgets, who fails, who saw which
prefix. One per process.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.base.contracts.routes import Route, Target, own_route
from appliance.base.settings import GatewaySettings
from appliance.gateway.metering import Admitted
from appliance.gateway.replicas import Replica, ReplicaTable
from appliance.gateway.routing.counters import RoutingCounters
from appliance.gateway.routing.gate import Gate
from appliance.gateway.routing.outliers import Outlier
from appliance.gateway.routing.plans import Plan, make_plan
from appliance.gateway.routing.prefixes import PrefixMemory, bounded, chain, prompt_of
from appliance.gateway.routing.retries import RetryBudget
from appliance.gateway.snapshot_file import Directory
from appliance.gateway.wire.endpoints import engine_field


@dataclass
class Router:
    """`wake` is called with the id of a served model that sleeps and is asked for."""

    table: ReplicaTable
    settings: GatewaySettings
    monotonic: Callable[[], float]
    wake: Callable[[str], None]
    chance: Callable[[], float] = random.random
    counters: RoutingCounters = field(default_factory=RoutingCounters)
    gates: dict[str, Gate] = field(default_factory=dict[str, Gate])
    others_in_flight: dict[str, int] = field(default_factory=dict[str, int])
    gateways: int = 1
    _budgets: dict[str, RetryBudget] = field(default_factory=dict[str, RetryBudget])
    _outliers: defaultdict[str, Outlier] = field(default_factory=lambda: defaultdict(Outlier))
    _prefixes: defaultdict[str, PrefixMemory] = field(default_factory=lambda: defaultdict(PrefixMemory))

    def plan(self, request: Admitted, directory: Directory) -> Plan:
        route = route_of(request, directory)
        self.budget(route).deposit()
        return make_plan(route, request, chance=self.chance)

    def budget(self, route: Route) -> RetryBudget:
        ratio = route.retry_percent / 100
        known = self._budgets.get(route.name)
        if known is None or known.ratio != ratio:
            known = self._budgets[route.name] = RetryBudget(ratio=ratio, now=self.monotonic())
        return known

    def may_retry(self, route: Route) -> bool:
        """Takes a retry out of the route's budget, where there is one left."""
        if self.budget(route).withdraw(self.monotonic()):
            self.counters.retries[route.name] += 1
            return True
        self.counters.no_budget[route.name] += 1
        return False

    def gate(self, target: Target, *, external_capacity: int = 0) -> Gate:
        """The door to the target, as wide as its replicas are together, less what other gateways have inside."""
        name = target.served_model_id or target.endpoint_id or target.target_id
        gate = self.gates.get(name)
        if gate is None:
            gate = self.gates[name] = Gate(longest=self.settings.queue_length, monotonic=self.monotonic)
        if target.kind == "external":
            gate.resize(self.share_of(name, external_capacity))
        else:
            gate.resize(self.share_of(name, self.capacity_of(name)))
        return gate

    def capacity_of(self, served_model_id: str) -> int:
        return self.table.capacity(served_model_id, unknown=self.settings.requests_per_replica)

    def share_of(self, name: str, capacity: int) -> int:
        """What others leave free, and never less than an equal part."""
        if self.gateways < 2 or capacity == 0:
            return capacity
        return max(capacity - self.others_in_flight.get(name, 0), -(-capacity // self.gateways))

    def replicas_changed(self) -> None:
        """A replica came or went: who waits may have a place now."""
        for name, gate in self.gates.items():
            if gate.queued:
                gate.resize(self.share_of(name, self.capacity_of(name)) or gate.capacity)

    def choose(self, route: Route, request: Admitted, *, served_model_id: str, tried: set[str]) -> Replica:
        """The replica to ask; raises Unavailable where there is none that was not tried."""
        best = self.table.candidates(served_model_id, without=tried)
        if len(best) == 1 or route.balance == "round_robin":
            return best[0]
        if route.balance == "prefix":
            return self._by_prefix(best, request, served_model_id)
        return self._least_loaded(best)

    def _by_prefix(self, best: list[Replica], request: Admitted, served_model_id: str) -> Replica:
        """The one that saw most of this prompt and is not too far above the mean load."""
        memory = self._prefixes[served_model_id]
        blocks = chain(prompt_of(request.parsed.body, content_field=engine_field(request.path)))
        by_id = {replica.record.replica_id: replica for replica in best}
        most = bounded([replica.in_flight for replica in best])
        order = [by_id[replica_id] for replica_id in memory.preferred(blocks, replica_ids=list(by_id))]
        chosen = next((replica for replica in order if replica.in_flight < most), None) or self._least_loaded(best)
        if chosen is order[0]:
            self.counters.prefix_hits[served_model_id] += 1
        memory.remember(blocks, replica_id=chosen.record.replica_id)
        return chosen

    def is_ejected(self, endpoint_id: str) -> bool:
        return self._outliers[endpoint_id].ejected_until > self.monotonic()

    def endpoint_answered(self, endpoint_id: str) -> None:
        self._outliers[endpoint_id].succeeded(self.monotonic())

    def endpoint_failed(self, endpoint_id: str, *, at_once: bool) -> None:
        if self._outliers[endpoint_id].failed(self.monotonic(), at_once=at_once):
            self.counters.ejections[endpoint_id] += 1

    def replica_failed(self, replica: Replica, *, is_gone: bool) -> None:
        if self.table.failed(replica, is_gone=is_gone):
            self.counters.ejections[replica.record.replica_id] += 1

    def _least_loaded(self, replicas: list[Replica]) -> Replica:
        """By what each has in flight of what it can work on; equals take turns, as the table's order does."""
        unknown = self.settings.requests_per_replica
        return min(replicas, key=lambda replica: replica.in_flight / (replica.record.capacity or unknown))


def route_of(request: Admitted, directory: Directory) -> Route:
    """A snapshot that came between admission and this may have lost the name; then it leads where it led."""
    name = request.model.name
    return directory.routes.get(name) or own_route(name, served_model_id=request.model.served_model_id)
