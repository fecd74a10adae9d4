"""Runs the checks on one pack and keeps what they said."""

import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.base.clock import monotonic
from appliance.engines.conformance.checks import CHECKS, Check
from appliance.engines.conformance.engine import CheckFailed, EngineUnderTest
from appliance.engines.conformance.lora import load_and_unload
from appliance.engines.install import installed_environment
from appliance.engines.pack import EnginePack
from model_catalog.bundled import WEIGHTS
from model_catalog.bundled.reference import Reference, load_reference


@dataclass(frozen=True)
class Outcome:
    """`said` is what the check saw, or why it failed."""

    check: str
    passed: bool
    said: str
    seconds: float


@dataclass(frozen=True)
class Report:
    pack: str
    version: str
    quantization: str | None
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes)

    def document(self) -> dict[str, Any]:
        checks = [vars(outcome) for outcome in self.outcomes]
        kept = {"pack": self.pack, "version": self.version, "quantization": self.quantization}
        return {**kept, "passed": self.passed, "checks": checks}


def run_suite(
    pack: EnginePack,
    *,
    engines_dir: Path,
    quantization: str | None = None,
    show: Callable[[Outcome], None] = lambda _: None,
) -> Report:
    """Every check in order, on the bundled model; raises SetupError where the pack is not installed.

    A failed start ends the run, because nothing else could be tried; after another failed check the next one runs.
    """
    reference, outcomes = load_reference(), list[Outcome]()
    with engine_of(pack, engines_dir=engines_dir, quantization=quantization) as engine:
        for check in (Check("start", start), *checks_of(pack)):
            outcome = tried(check, engine=engine, reference=reference)
            show(outcome)
            outcomes.append(outcome)
            if check.name == "start" and not outcome.passed:
                break
    return Report(pack.name, version=pack.version, quantization=quantization, outcomes=tuple(outcomes))


def checks_of(pack: EnginePack) -> Sequence[Check]:
    """LoRA before the checks that end the engine, where the pack has it."""
    lora = (Check("LoRA", load_and_unload),) if pack.lora else ()
    return (*CHECKS[:-2], *lora, *CHECKS[-2:])


def tried(check: Check, *, engine: EngineUnderTest, reference: Reference) -> Outcome:
    began = monotonic()
    try:
        said, passed = check.run(engine, reference), True
    except CheckFailed as error:
        said, passed = str(error), False
    return Outcome(check.name, passed=passed, said=said, seconds=round(monotonic() - began, 1))


def start(engine: EngineUnderTest, reference: Reference) -> str:  # noqa: ARG001  one shape for all checks
    return f"healthy after {engine.start():.1f} s"


@contextmanager
def engine_of(pack: EnginePack, *, engines_dir: Path, quantization: str | None) -> Generator[EngineUnderTest]:
    environment = installed_environment(pack, engines_dir=engines_dir)
    folder = Path(tempfile.mkdtemp(prefix="ts-check-"))
    engine = EngineUnderTest(
        pack,
        python=environment / "bin" / "python",
        weights=WEIGHTS,
        folder=folder,
        quantization=quantization,
    )
    try:
        yield engine
    finally:
        engine.end()
        shutil.rmtree(folder, ignore_errors=True)
