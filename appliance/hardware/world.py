"""What a vendor's module may touch of the machine: files, a shared library, a tool. Tests put a folder in its place."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from appliance.hardware.pci import PciDevice, read_pci

TOOL_SECONDS = 1.5
TOOL_FOLDERS = ("usr/local/bin", "usr/bin", "usr/sbin", "opt/bin")


class VendorFailed(Exception):
    """A vendor's part is missing or did not do its work; `str(error)` is a sentence for an admin."""


@dataclass(frozen=True)
class World:
    """`root` is `/` on a real machine. Libraries and tools are looked for below it, then on the system's own paths.

    `system_paths` is False in tests, so that nothing of the testing machine is found by accident.
    """

    root: Path = Path("/")
    system_paths: bool = True
    environ: dict[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def pci(self) -> tuple[PciDevice, ...]:
        return read_pci(self.root)

    def cards(self, vendor_id: str) -> tuple[PciDevice, ...]:
        return tuple(device for device in self.pci if device.vendor_id == vendor_id)

    def text(self, path: str) -> str | None:
        """A file's stripped text; None where it cannot be read, or is no text."""
        try:
            return (self.root / path.lstrip("/")).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None

    def exists(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def shared_library(self, *names: str) -> ctypes.CDLL:
        """The first that loads. A name with a slash is a path below `root`; one without is left to the loader.

        Raises VendorFailed that names what was tried.
        """
        for name in names:
            candidate = str(self.root / name.lstrip("/")) if "/" in name else name
            if "/" not in name and not self.system_paths:
                continue
            try:
                return ctypes.CDLL(candidate)
            except OSError:
                continue
        raise VendorFailed(f"No library of {', '.join(names)} could be loaded.")

    def tool(self, name: str, *arguments: str, folders: Sequence[str] = ()) -> str:
        """What the vendor's tool prints on stdout. Raises VendorFailed where it is missing, fails or takes too long."""
        program = self._find(name, folders=(*folders, *TOOL_FOLDERS))
        try:
            running = subprocess.Popen(
                [str(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                process_group=0,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **self.environ},
            )
        except OSError as error:
            raise VendorFailed(f"{name} could not be started: {error.strerror}.") from error
        with running:
            try:
                told, complaint = running.communicate(timeout=TOOL_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise VendorFailed(f"{name} said nothing for {TOOL_SECONDS} s.") from error
            finally:
                _end_group(running)
        if running.returncode != 0:
            said = (complaint or told).strip().splitlines()
            raise VendorFailed(f"{name} ended with {running.returncode}: {said[-1] if said else 'it said nothing'}.")
        return told

    def _find(self, name: str, *, folders: Sequence[str]) -> Path:
        for folder in folders:
            candidate = self.root / folder.lstrip("/") / name
            if candidate.is_file():
                return candidate
        raise VendorFailed(f"The tool {name} is not installed.")


def _end_group(running: subprocess.Popen[str]) -> None:
    """A tool that is late ends with all that it started, as a wrapper script does what the real tool is asked for.

    It stays in our session, so that whoever ends this process finds it (`vendor_process`).
    """
    if running.returncode is None:  # not reaped yet, so the group's number is still its own
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
