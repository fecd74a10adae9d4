"""Files that the appliance writes for the programs it runs: right when the bytes and the mode are."""

import stat
from dataclasses import dataclass
from pathlib import Path

from appliance.base.files import write_atomically

MODE = 0o600


@dataclass(frozen=True)
class WrittenFile:
    """A file with its wanted text; readable by its owner only, because some carry passwords."""

    path: Path
    text: str

    def is_right(self) -> bool:
        try:
            status = self.path.stat()
            return stat.S_IMODE(status.st_mode) == MODE and self.path.read_text() == self.text
        except FileNotFoundError:
            return False

    def write(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self.path, self.text.encode(), mode=MODE)
