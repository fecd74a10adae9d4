"""The packs that the appliance carries, with their state on this box."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.engines.install import STAMP, environment_path
from appliance.engines.pack import EnginePack, Environment, load_pack, pack_names


@dataclass(frozen=True)
class KnownPack:
    """`state`: `installed`, `not installed`, or `image` for one that comes as a container image."""

    pack: EnginePack
    state: str

    @classmethod
    def of(cls, pack: EnginePack, *, engines_dir: Path) -> "KnownPack":
        if not isinstance(pack.install, Environment):
            return cls(pack, "image")
        stamp = environment_path(pack, engines_dir=engines_dir) / STAMP
        return cls(pack, "installed" if stamp.is_file() else "not installed")

    def document(self) -> dict[str, Any]:
        return {**self.pack.model_dump(mode="json"), "state": self.state}


def known_packs(engines_dir: Path) -> list[KnownPack]:
    return [KnownPack.of(load_pack(name), engines_dir=engines_dir) for name in pack_names()]
