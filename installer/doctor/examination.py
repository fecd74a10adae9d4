"""All checks in their order. One that breaks is a finding itself: the others still speak."""

from collections.abc import Callable, Iterable, Iterator

from appliance.base.errors import ApplianceError
from appliance.base.settings import Settings
from installer.doctor import machine_checks, stack_checks, state_checks
from installer.doctor.finding import Finding, fail
from installer.setup.facts import Facts, read_facts
from installer.supervision.client import Supervisor

Check = Callable[[Facts], Iterable[Finding]]

ON_THE_MACHINE: tuple[Check, ...] = (
    machine_checks.check_home,
    machine_checks.check_secrets,
    machine_checks.check_disk,
    machine_checks.check_memory,
    machine_checks.check_processor_flags,
    machine_checks.check_redis,
    machine_checks.check_clock,
    machine_checks.check_ports,
)
ON_THE_STACK: tuple[Check, ...] = (
    stack_checks.check_strays,
    stack_checks.check_services,
    stack_checks.check_ray_is_closed,
    state_checks.check_snapshot,
    state_checks.check_spool,
    state_checks.check_registry,
)


def examine(settings: Settings) -> list[Finding]:
    """The machine always; the stack when its supervisor runs."""
    try:
        facts = read_facts(settings)
    except ApplianceError as error:
        return [fail("set-up", error.message, what_to_do=error.hint or "Run ./start.")]
    found = list(run_checks(ON_THE_MACHINE, facts=facts))
    if Supervisor(facts.home).pid is None:
        found += run_checks((stack_checks.check_strays,), facts=facts)
        found.append(fail("stack", "The appliance is not running.", what_to_do="Run `appliance up`."))
        return found
    return [*found, *run_checks(ON_THE_STACK, facts=facts)]


def run_checks(checks: Iterable[Check], *, facts: Facts) -> Iterator[Finding]:
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            yield from check(facts)
        except (ApplianceError, OSError) as error:
            yield fail(name, f"This could not be checked: {error}", what_to_do="See `appliance status`.")
