"""`./test`: the house rules, what the tests need, then pytest. `./test long` runs the full counts.

`./test` alone is the tier that every change must pass; with other arguments only pytest runs, with these arguments.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import ApplianceError, SetupError
from appliance.base.settings import PREFIX
from appliance.engines.install import install_pack
from appliance.engines.pack import load_pack
from installer.bootstrap import ROOT, package_environment
from installer.setup.plan import ENGINE_PACK
from installer.terminal import print_error, print_exactly

LONG = "long"
COMPILER = ("gcc", "libc6-dev")
SECOND_PACK = "llamacpp-cpu"
LONG_VARIABLE = "TS_TEST_LONG"
HOMES = ROOT / ".test"
ENGINES = ROOT / ".envs" / "engines"
ENGINE_CACHE = ROOT / ".envs" / "engine-cache"
"""Shared by the homes of tests: else each would compile the same model anew."""
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Rule:
    """A check of the source as a whole; its output is shown only when it fails."""

    name: str
    command: tuple[str, ...]


RULES = (
    Rule("lint", ("ruff", "check")),
    Rule("format", ("ruff", "format", "--check")),
    Rule("types", ("basedpyright",)),
    Rule("imports", ("lint-imports",)),
)


def main(arguments: Sequence[str]) -> int:
    """The exit code of the first stage that fails, else pytest's, whose closing line stays the last."""
    is_long = list(arguments[:1]) == [LONG]
    chosen = list(arguments[1:] if is_long else arguments)
    environ = test_environment(os.environ, is_long=is_long)
    broken = [] if chosen else [rule.name for rule in RULES if not follows(rule)]
    if broken:
        return 1
    try:
        prepare_compiler()
        prepare_skopeo()
        prepare_engines()
    except ApplianceError as error:
        print_error(error)
        return 1
    marks = [] if is_long else ["-m", f"not {LONG}"]
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", *marks, *chosen]
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


def follows(rule: Rule) -> bool:
    began = time.perf_counter()
    outcome = subprocess.run(
        [str(PROGRAMS / rule.command[0]), *rule.command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    followed = outcome.returncode == 0
    if not followed:
        print_exactly(outcome.stdout + outcome.stderr)
    print_exactly(f"{rule.name:<8} {'ok' if followed else 'FAILED'}  {time.perf_counter() - began:.1f} s")
    return followed


def prepare_compiler() -> None:
    """Some tests build small C libraries after vendors' headers. Raises SetupError where there is no compiler."""
    if shutil.which("gcc"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print_exactly("Installing the C compiler that tests need")
        subprocess.run(["apt-get", "update"], check=False, capture_output=True)
        subprocess.run(["apt-get", "install", "--yes", *COMPILER], check=False, capture_output=True)
    if shutil.which("gcc") is None:
        raise SetupError(
            "The tests build small C libraries, and this machine has no C compiler.",
            hint=f"Install it as root (apt-get install {' '.join(COMPILER)}) and run ./test again.",
        )


def prepare_skopeo() -> None:
    """The stranger to which some tests hand our artifacts; without it they are skipped and say so."""
    if shutil.which("skopeo") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print_exactly("Installing skopeo, with which some tests copy artifacts")
        subprocess.run(["apt-get", "install", "--yes", "skopeo"], check=False, capture_output=True)


def prepare_engines() -> None:
    """The engines' environments, shared by all runs of this checkout: no fresh home should install them anew."""
    os.environ.update(package_environment(os.environ))
    for name in (ENGINE_PACK, SECOND_PACK):
        began = time.perf_counter()
        installed = install_pack(load_pack(name), engines_dir=ENGINES)
        print_exactly(f"engine   {installed.title}  {time.perf_counter() - began:.1f} s")


def test_environment(environ: Mapping[str, str], *, is_long: bool) -> dict[str, str]:
    """A home of its own inside the checkout, and none of the settings of whoever runs the tests."""
    home = HOMES / f"home-{os.getpid()}"
    shutil.rmtree(home, ignore_errors=True)
    kept = {key: value for key, value in environ.items() if not key.startswith(PREFIX)}
    kept |= {
        "APPLIANCE_HOME": str(home),
        "APPLIANCE_ENGINES__DIR": str(ENGINES),
        "APPLIANCE_ENGINES__CACHE_DIR": str(ENGINE_CACHE),
    }
    return {**kept, LONG_VARIABLE: "1"} if is_long else kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
