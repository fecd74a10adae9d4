"""From a bare checkout to `.venv`: standard library only, because nothing else is there yet.

`start` installs the core lock and hands over to `appliance up`; `test` adds the development lock and hands over to
installer/tiers.py. Each part carries a stamp with the digest of what it was made from: a second run only reads stamps.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCKS = ROOT / "locks"


class Failed(Exception):
    """A sentence for the person at the terminal; the output of the failed command stands above it."""


@dataclass(frozen=True)
class Part:
    """A piece of `.venv`: made by `command`, stale as soon as one of `sources` changes."""

    name: str
    title: str
    sources: tuple[Path, ...]
    command: tuple[str, ...]

    def digest(self) -> str:
        """Names this Python too: an environment moved to another interpreter is stale."""
        seen = hashlib.sha256(repr((sys.version, str(VENV), self.command)).encode())
        for source in self.sources:
            seen.update(source.read_bytes())
        return seen.hexdigest()

    @property
    def stamp(self) -> Path:
        return VENV / f".made-{self.name}"

    def is_made(self) -> bool:
        return self.stamp.is_file() and self.stamp.read_text() == self.digest()


PYTHON = str(VENV / "bin" / "python")
UV_INSTALL = (str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", PYTHON)
UV_INSTALL_LOCKED = (*UV_INSTALL, "--no-deps", "--require-hashes", "-r")

UV = Part(
    name="uv",
    title="the package installer uv",
    sources=(LOCKS / "bootstrap.txt",),
    command=(PYTHON, "-m", "pip", "install", "-qq", "--require-hashes", "-r", str(LOCKS / "bootstrap.txt")),
)
CORE = Part(
    name="core",
    title="the core packages",
    sources=(LOCKS / "core.txt", LOCKS / "build.txt", LOCKS / "models.txt"),
    command=(
        *UV_INSTALL_LOCKED,
        *(str(LOCKS / "core.txt"), "-r", str(LOCKS / "build.txt"), "-r", str(LOCKS / "models.txt")),
    ),
)
OURS = Part(
    name="ours",
    title="the `appliance` command",
    sources=(ROOT / "pyproject.toml",),
    command=(*UV_INSTALL, "--no-deps", "--no-build-isolation", "--offline", "--editable", str(ROOT)),
)
DEVELOPMENT = Part(
    name="development",
    title="the packages that tests need",
    sources=(LOCKS / "dev.txt",),
    command=(*UV_INSTALL_LOCKED, str(LOCKS / "dev.txt")),
)
PARTS = {"start": (UV, CORE, OURS), "test": (UV, CORE, OURS, DEVELOPMENT)}


def main(arguments: Sequence[str]) -> int:
    goal, *rest = arguments
    began = time.monotonic()
    try:
        prepare(PARTS[goal])
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to go on from here.", file=sys.stderr)
        return 130
    return hand_over(goal, rest, environ={**os.environ, "TS_BOOTSTRAP_SECONDS": f"{time.monotonic() - began:.2f}"})


def prepare(parts: Sequence[Part]) -> None:
    """Make what is not made yet, one process at a time per checkout."""
    checkout = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX)
        make_environment()
        missing = [part for part in parts if not part.is_made()]
        environ = package_environment(os.environ) if missing else {}
        for part in missing:
            make(part, environ=environ)
    finally:
        os.close(checkout)


def make_environment() -> None:
    """A virtual environment of this Python; one that cannot run any more is made anew."""
    if Path(PYTHON).exists() and (VENV / "bin" / "pip").exists():
        return
    began = announce("Making the Python environment .venv")
    if VENV.exists():
        shutil.rmtree(VENV)
    venv.create(VENV, with_pip=True)
    finished(began)


def make(part: Part, *, environ: Mapping[str, str]) -> None:
    began = announce(f"Installing {part.title}")
    outcome = subprocess.run(part.command, cwd=ROOT, env=environ, check=False)
    if outcome.returncode != 0:
        raise Failed(
            f"Could not install {part.title}: what the package installer said stands above. It needs the package index "
            "that pip is set up with, or the packages under PIP_FIND_LINKS. Run the same command again to go on."
        )
    part.stamp.write_text(part.digest())
    finished(began)


def announce(what: str) -> float:
    print(f"{what} ...", end=" ", flush=True)
    return time.monotonic()


def finished(began: float) -> None:
    print(f"{time.monotonic() - began:.1f} s", flush=True)


def package_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ`, with uv told to look for packages where pip looks for them; the engine packs use it too."""
    return {**environ, **uv_environment(pip_configuration(environ), environ)}


def pip_configuration(environ: Mapping[str, str]) -> dict[str, str]:
    """Where pip looks for packages: `index-url`, `extra-index-url`, `find-links`, `cert`; variables win over files."""
    stored: dict[str, str] = {}
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        stored.setdefault(name.rpartition(".")[2], value.strip("'\""))
    for key in ("index-url", "extra-index-url", "find-links", "cert"):
        variable = environ.get(f"PIP_{key.upper().replace('-', '_')}")
        if variable:
            stored[key] = variable
    return stored


def uv_environment(pip: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The same places in uv's words; what the user set for uv itself stays. Hashes decide, not the order of indexes."""
    wanted = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    return {key: value for key, value in wanted.items() if value and key not in environ}


def hand_over(goal: str, rest: Sequence[str], *, environ: dict[str, str]) -> NoReturn:
    if goal == "start":
        command = [str(VENV / "bin" / "appliance"), "up", "--ask", *rest]
    else:
        command = [PYTHON, "-m", "installer.tiers", *rest]
    sys.stdout.flush()
    os.execve(command[0], command, environ)  # noqa: S606  a fixed program of ours


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
