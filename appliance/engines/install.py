"""Installing a pack: an environment of its own from locked requirements, built once, complete or not there.

`<engines_dir>/<pack>-<engine version>-<lock digest>/` counts as installed once its stamp file is written, which happens
last; a run that was cut off is taken up where it stopped, because uv skips what is already there.
"""

import hashlib
import platform
import shutil
import sys
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from appliance.base.errors import SetupError
from appliance.base.files import write_atomically
from appliance.engines.pack import EnginePack, Environment, TorchBuilds, load_pack, pack_names
from appliance.engines.uv import Progress, Uv
from appliance.hardware.processor import read_processor

STAMP = "installed.json"


class InstalledPack(BaseModel):
    """The stamp's content. `torch` is the version that came: `2.13.0+cpu`, or `2.13.0` with accelerator libraries."""

    model_config = ConfigDict(frozen=True)

    pack: str
    version: str
    torch: str | None
    environment: Path
    size_bytes: int

    @property
    def title(self) -> str:
        return f"{self.pack} {self.version}" + (f", torch {self.torch}" if self.torch else "")


def environment_path(pack: EnginePack, *, engines_dir: Path) -> Path:
    """Where this pack in this locked state belongs."""
    files = tuple(pack.file(name) for name in environment_of(pack).files)
    digest = locked_digest(files, tuple(seen(file) for file in files))
    return engines_dir / f"{pack.name}-{pack.version}-{digest[:8]}"


def seen(file: Path) -> tuple[int, int, int]:
    """What changes when a file is written anew or replaced."""
    status = file.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=256)
def locked_digest(files: tuple[Path, ...], _: tuple[tuple[int, int, int], ...]) -> str:
    """SHA-256 of the locked requirements, read once per change: every heartbeat asks which packs are installed."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def environment_of(pack: EnginePack) -> Environment:
    """How the pack is installed here; raises SetupError for one that comes as an image."""
    if isinstance(pack.install, Environment):
        return pack.install
    raise SetupError(
        f"The engine pack {pack.name} comes as a container image, which this box cannot start.",
        hint="It runs in a cluster whose nodes have the vendor's container runtime: docs/engine_packs.md.",
    )


def installed_environment(pack: EnginePack, *, engines_dir: Path) -> Path:
    """The environment of an installed pack; raises SetupError when it is not there or not whole."""
    environment = environment_path(pack, engines_dir=engines_dir)
    if not (environment / STAMP).is_file():
        raise SetupError(
            f"The engine pack {pack.name} is not installed.", hint=f"Run `appliance engines install {pack.name}`."
        )
    return environment


def installed_packs(engines_dir: Path) -> tuple[str, ...]:
    """The names of the packs that are installed whole, in their present version."""
    return tuple(name for name in pack_names() if is_installed(load_pack(name), engines_dir=engines_dir))


def is_installed(pack: EnginePack, *, engines_dir: Path) -> bool:
    if not isinstance(pack.install, Environment):
        return False
    return (environment_path(pack, engines_dir=engines_dir) / STAMP).is_file()


def install_pack(
    pack: EnginePack, *, engines_dir: Path, uv: Path | None = None, progress: Progress = lambda _: None
) -> InstalledPack:
    """Install `pack` unless it is there. `uv` defaults to the one beside this Python.

    Raises SetupError when the processor, the disk, uv or the package index is not up to it.
    """
    install, environment = environment_of(pack), environment_path(pack, engines_dir=engines_dir)
    stamp = environment / STAMP
    if stamp.is_file():
        return InstalledPack.model_validate_json(stamp.read_bytes())
    check_processor(pack)
    _check_disk(engines_dir, needed_bytes=install.needed_bytes)
    run = Uv(uv or Path(sys.executable).with_name("uv"), progress=progress)
    progress(f"Installing {pack.name} {pack.version} into {environment}")
    if not (environment / "bin" / "python").exists():
        run("venv", "--python", _python_of(install), str(environment))
    run.install(pack.file(install.requirements), environment=environment)
    if install.torch:
        _install_torch(pack, install.torch, run=run, environment=environment)
    installed = InstalledPack(
        pack=pack.name,
        version=pack.version,
        torch=_torch_version(environment) if install.torch else None,
        environment=environment,
        size_bytes=_size_bytes(environment),
    )
    write_atomically(stamp, installed.model_dump_json(indent=2).encode(), mode=0o644)
    progress(f"Installed {installed.title}, {installed.size_bytes / 1e9:.1f} GB")
    return installed


def _install_torch(pack: EnginePack, torch: TorchBuilds, *, run: Uv, environment: Path) -> None:
    """The CPU build where it can be had; else the ordinary one, which is many times as large."""
    if run.offers(pack.file(torch.cpu), environment=environment):
        run.install(pack.file(torch.cpu), environment=environment)
        return
    run.progress("torch for the CPU is not in this package index: taking the accelerator build, which is much larger")
    _check_disk(environment, needed_bytes=torch.accelerated_needed_bytes - _size_bytes(environment))
    run.install(pack.file(torch.accelerated), environment=environment)


def check_processor(pack: EnginePack) -> None:
    """Raises SetupError when this machine lacks what the pack's files are built for."""
    if platform.machine() != pack.machine:
        raise SetupError(
            f"The engine pack {pack.name} is built for {pack.machine}; this machine is {platform.machine()}.",
            hint="Use a machine of that kind, or another engine pack.",
        )
    missing = sorted(set(pack.cpu_flags) - set(read_processor().flags))
    if missing:
        raise SetupError(
            f"This processor lacks the instructions {', '.join(missing)} that {pack.name} {pack.version} needs.",
            hint="Use a processor with AVX2 (2015 or newer); in a virtual machine, pass the host's CPU type.",
        )


def _check_disk(folder: Path, *, needed_bytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise SetupError(
            f"{folder} has {free / 1e9:.1f} GB free; the engine needs {needed_bytes / 1e9:.1f} GB.",
            hint="Free some space, or name a folder on a larger disk in APPLIANCE_ENGINES__DIR.",
        )


def _python_of(install: Environment) -> str:
    """This Python when it has the right version, so that nothing has to be searched or fetched."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if here == install.python else install.python


def _torch_version(environment: Path) -> str:
    """From the name of the installed distribution's metadata folder: `torch-2.13.0+cpu.dist-info`."""
    found = next(environment.glob("lib/python*/site-packages/torch-*.dist-info"))
    return found.name.removeprefix("torch-").removesuffix(".dist-info")


def _size_bytes(folder: Path) -> int:
    return sum(entry.lstat().st_size for entry in folder.rglob("*") if not entry.is_dir())
