"""Checks of what runs: strays, each service's own proof of work, and that Ray is closed to others."""

from collections.abc import Iterator

import httpx

from appliance.base.box import read_box
from installer.doctor.finding import Finding, fail, ok, warn
from installer.listeners import listeners
from installer.services import Stack
from installer.setup.facts import Facts
from installer.setup.stack import services_of
from installer.supervision.client import Supervisor
from installer.supervision.lifecycle import find_strays
from installer.supervision.strays import marked_processes

REFUSED = frozenset({401, 403})
LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


def check_strays(facts: Facts) -> Iterator[Finding]:
    strays = find_strays(facts.home)
    if strays:
        pids = ", ".join(str(stray.process.pid) for stray in strays)
        yield warn("strays", f"Processes that no supervisor holds: {pids}.", what_to_do="`appliance up` ends them.")
    else:
        yield ok("strays", "None.")


def check_services(facts: Facts) -> Iterator[Finding]:
    stack = Stack(facts.home, box=read_box(facts.home), settings=facts.settings, programs=facts.programs)
    states = {state.name: state for state in Supervisor(facts.home).processes()}
    for service in services_of(stack):
        state = states.get(service.name)
        look = f"See `appliance logs {service.name}`; `appliance up` starts what is down."
        if state is None or state.state != "RUNNING":
            yield fail(service.name, f"It is {state.state if state else 'unknown'}.", what_to_do=look)
            continue
        problem = service.probe()
        if problem:
            yield fail(service.name, f"It runs and does not answer: {problem}.", what_to_do=look)
        else:
            yield ok(service.name, f"Running for {state.uptime_seconds} s.")


def check_ray_is_closed(facts: Facts) -> Iterator[Finding]:
    """Whoever reaches Ray runs code: it must refuse without token, and only the front door may leave loopback."""
    url = read_box(facts.home).ray_dashboard_url
    answer = httpx.get(f"{url}/api/serve/applications/", timeout=5.0, trust_env=False)
    if answer.status_code not in REFUSED:
        yield fail(
            "ray token",
            f"Ray answers without its token (HTTP {answer.status_code}).",
            what_to_do="Run `appliance down`, then `appliance up`, and report this.",
        )
    else:
        yield ok("ray token", "Ray refuses whoever has no token.")
    outside = sorted(open_listeners(facts))
    if outside:
        what = "Nothing of the appliance should listen there: run `appliance up`, and tell us if it stays."
        yield fail("listeners", f"Open beyond loopback: {', '.join(outside)}.", what_to_do=what)
    else:
        yield ok("listeners", "Only the front door may be reached from outside.")


def open_listeners(facts: Facts) -> set[str]:
    """Addresses of our processes that others could reach, but for the front door's own."""
    ours = {marked.process.pid: marked.service for marked in marked_processes(facts.home.key)}
    return {
        f"{ours[listener.pid]} {listener.ip}:{listener.port}"
        for listener in listeners()
        if listener.pid in ours and ours[listener.pid] != "frontdoor" and listener.ip not in LOOPBACK
    }
