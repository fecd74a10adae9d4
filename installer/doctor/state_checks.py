"""Checks of what the processes tell each other: the gateway's snapshot, the usage spool, the registry."""

from collections.abc import Iterator

from appliance.base import clock
from appliance.base.contracts.snapshot import SNAPSHOT_FILE, SNAPSHOT_FORMAT, Snapshot
from installer.admin_client import AdminClient
from installer.doctor.finding import Finding, fail, ok, warn
from installer.setup.facts import Facts
from installer.status_report import reconciler_problems, served_model_problem

SPOOL_WARN_SECONDS = 300.0


def check_snapshot(facts: Facts) -> Iterator[Finding]:
    """It is written when something changes, so that it exists and can be read is what counts, not its age."""
    path = facts.home.snapshot / SNAPSHOT_FILE
    if not path.is_file():
        what = "See `appliance logs reconciler`; without it the gateway knows no key."
        yield fail("snapshot", f"{path} was not written yet.", what_to_do=what)
        return
    try:
        snapshot = Snapshot.model_validate_json(path.read_bytes())
    except ValueError as error:
        yield fail("snapshot", f"{path} cannot be read: {error}", what_to_do="Remove it; it is written again.")
        return
    if snapshot.format > SNAPSHOT_FORMAT:
        yield fail("snapshot", f"It has format {snapshot.format}.", what_to_do="Use the newer version that wrote it.")
        return
    age = clock.unix_time() - path.stat().st_mtime
    said = f"{len(snapshot.models)} models, {len(snapshot.keys)} keys, written {age:.0f} s ago."
    yield ok("snapshot", said)


def check_spool(facts: Facts) -> Iterator[Finding]:
    with AdminClient(facts.home) as api:
        nodes = api.get("/system/status")["nodes"]
    for node in nodes:
        oldest = node["spool_oldest_seconds"]
        said = f"{node['hostname']}: {node['spool_bytes']} bytes of usage not shipped, the oldest {oldest:.0f} s old."
        if oldest > SPOOL_WARN_SECONDS:
            yield warn("spool", said, what_to_do="Nothing is lost. See `appliance logs agent`.")
        else:
            yield ok("spool", said)


def check_registry(facts: Facts) -> Iterator[Finding]:
    """PostgreSQL is reached by way of the API; then what its reconcilers and models say."""
    with AdminClient(facts.home) as api:
        status = api.get("/system/status")
    versions = status["versions"]
    yield ok("registry", f"PostgreSQL {versions['postgresql']}, schema {versions['schema_revision']}.")
    now = int(clock.unix_time())
    for problem in reconciler_problems(status["reconcilers"], now=now):
        yield fail("reconcilers", problem, what_to_do="See `appliance logs reconciler`.")
    for row in status["served_models"]:
        problem = served_model_problem(row)
        if problem:
            say = warn if row["observed_state"] == "starting" else fail
            yield say("models", problem, what_to_do="See `appliance serve list` and `appliance logs ray`.")
