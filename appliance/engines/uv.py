"""Running uv: its environment from an allow-list, and its failures as sentences that say what to do."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from appliance.base.child_env import child_env
from appliance.base.errors import SetupError

TAIL_LINES = 15
NETWORK_SIGNS = ("Failed to fetch", "error sending request", "dns error", "Connection refused", "timed out")
PASSED_ON = ("UV_", "SSL_CERT_")
FROM_PIP = {"UV_FIND_LINKS": "PIP_FIND_LINKS", "UV_DEFAULT_INDEX": "PIP_INDEX_URL", "SSL_CERT_FILE": "PIP_CERT"}

Progress = Callable[[str], None]


class Uv:
    """uv with what it says handed on line by line."""

    def __init__(self, program: Path, *, progress: Progress) -> None:
        if not program.is_file():
            raise SetupError(
                f"{program} is missing.", hint="Run `./start`, which sets up the core environment with uv."
            )
        self._program = program
        self.progress = progress

    def install(self, requirements: Path, *, environment: Path) -> None:
        """Exactly the locked files, with hashes; nothing is resolved again and nothing is built."""
        self(*_install(requirements, environment=environment))

    def offers(self, requirements: Path, *, environment: Path) -> bool:
        """Whether the index or a folder of wheels has these files; fetches nothing."""
        dry_run = [str(self._program), *_install(requirements, environment=environment), "--dry-run"]
        return subprocess.run(dry_run, env=uv_environment(os.environ), capture_output=True, check=False).returncode == 0

    def __call__(self, *arguments: str) -> None:
        process = subprocess.Popen(
            [str(self._program), *arguments],
            env=uv_environment(os.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = list(self._lines(process))
        if process.wait() != 0:
            raise explain("\n".join(said[-TAIL_LINES:]))

    def _lines(self, process: "subprocess.Popen[str]") -> Iterator[str]:
        assert process.stderr is not None
        for line in process.stderr:
            self.progress(line.strip())
            yield line.rstrip()


def _install(requirements: Path, *, environment: Path) -> list[str]:
    python = str(environment / "bin" / "python")
    exact = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
    return ["pip", "install", "--python", python, *exact, "-r", str(requirements)]


def uv_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The allow-list, and how this machine reaches its package index; pip's settings serve where uv's are not set."""
    passed = {
        key: value for key, value in environ.items() if key.startswith(PASSED_ON) or key.lower().endswith("_proxy")
    }
    for uv_name, pip_name in FROM_PIP.items():
        if pip_name in environ:
            passed.setdefault(uv_name, environ[pip_name])
    return child_env({"UV_HTTP_TIMEOUT": "180", **passed}, environ=environ)


def explain(said: str) -> SetupError:
    """What uv's last lines mean for a person."""
    if "No space left" in said:
        return SetupError(
            f"The disk is full: {said}", hint="Free some space and start again; it goes on where it stopped."
        )
    if "hash mismatch" in said.lower():
        return SetupError(f"A package is not the one that was locked: {said}", hint="Do not use that package index.")
    if any(sign in said for sign in NETWORK_SIGNS):
        hint = "Check network and proxy, or name a folder of wheels in PIP_FIND_LINKS; it goes on where it stopped."
        return SetupError(f"Packages could not be fetched: {said}", hint=hint)
    return SetupError(
        f"The engine's environment could not be installed: {said}", hint="Mend the cause and start again."
    )
