"""What the tests of sealed weights share: a key, a vendor, and a sealed folder to tamper with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.weights.sealed.artifact import Artifact
from appliance.weights.sealed.reader import open_artifact
from appliance.weights.sealed.sealing import Terms, seal

CHUNK_BYTES = 4096
DEK = bytes(range(32))
VENDOR = Ed25519PrivateKey.from_private_bytes(bytes(32))


@dataclass(frozen=True)
class SealedModel:
    folder: Path
    artifact: Artifact

    def shard(self, number: int) -> Path:
        return self.folder / self.artifact.shards[number].path

    def change(self, number: int, change: Callable[[bytearray], None]) -> None:
        """Edit the bytes of a shard, which the vendor's run left read-only."""
        content = bytearray(self.shard(number).read_bytes())
        change(content)
        self.shard(number).chmod(0o644)
        self.shard(number).write_bytes(content)

    def read(self, *, dek: bytes = DEK) -> dict[str, bytes]:
        with open_artifact(self.folder, dek=dek, digest=self.artifact.digest, threads=2) as reader:
            return {
                opened.place.name: bytes(opened.memory[opened.offset :][: opened.place.end - opened.place.begin])
                for opened in reader.tensors()
            }


def seal_small(plain: Path, out: Path, *, dek: bytes, model_id: str = "acme/secret-7b") -> SealedModel:
    terms = Terms(model_id, VENDOR, chunk_bytes=CHUNK_BYTES)
    return SealedModel(out, seal(plain, out, dek=dek, terms=terms))
