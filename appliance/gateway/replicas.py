"""Which engines answer for a model: the live table as last seen, what each has in flight, and who just failed.

The table comes from Redis; where Redis is silent or empty, what was last seen holds (unknown is not none). A record
that is no longer refreshed is used only after all fresh ones, and forgotten once it also fails to answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from appliance.base.contracts.replica_table import REPLICA_FORMAT, STALE_SECONDS, ReplicaRecord
from appliance.base.errors import Unavailable
from appliance.base.files import write_atomically
from appliance.base.logs import get_logger

EJECT_SECONDS = 2.0
REPLICAS_FILE = "replicas.json"

log = get_logger(__name__)


class SavedTable(BaseModel):
    format: int = REPLICA_FORMAT
    replicas: tuple[ReplicaRecord, ...] = ()


@dataclass
class Replica:
    """A record and what this gateway knows beside it; `ejected_until` in the clock's monotonic seconds."""

    record: ReplicaRecord
    in_flight: int = 0
    ejected_until: float = 0.0

    def is_stale(self, now: float) -> bool:
        return now - self.record.published_at > STALE_SECONDS


class ReplicaTable:
    """`choose` for a request, count it in `in_flight` of the replica, `failed` when its engine did not answer."""

    def __init__(self, *, unix_time: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._replicas: dict[str, Replica] = {}
        self._forgotten: dict[str, float] = {}
        self._unix_time = unix_time
        self._monotonic = monotonic

    @property
    def records(self) -> list[ReplicaRecord]:
        return [replica.record for replica in self._replicas.values()]

    def stale(self) -> list[Replica]:
        """Those whose sign of life is overdue; somebody should look whether they still listen."""
        now = self._unix_time()
        return [replica for replica in self._replicas.values() if replica.is_stale(now)]

    def update(self, records: Iterable[ReplicaRecord]) -> None:
        """Take newer records; those that are missing stay until they fail to answer."""
        for record in records:
            known = self._replicas.get(record.replica_id)
            if known is None:
                if record.published_at > self._forgotten.get(record.replica_id, 0.0):
                    self._replicas[record.replica_id] = Replica(record)
            elif record.published_at > known.record.published_at:
                known.record = record
                known.ejected_until = 0.0

    def choose(self, served_model_id: str, *, without: Iterable[str] = ()) -> Replica:
        """The ready replica with the least in flight, fresh before stale; raises Unavailable when there is none."""
        now, tick, tried = self._unix_time(), self._monotonic(), set(without)
        usable = [
            replica
            for replica in self._replicas.values()
            if replica.record.served_model_id == served_model_id
            and replica.record.state == "ready"
            and replica.record.replica_id not in tried
        ]
        if not usable:
            raise Unavailable("No replica of this model is ready.", hint="Try again soon.", retry_after_seconds=2.0)
        return min(usable, key=lambda it: (it.ejected_until > tick, it.is_stale(now), it.in_flight))

    def failed(self, replica: Replica, *, is_gone: bool) -> None:
        """Put the replica last for a moment; forget it where nobody listens any more and its record is stale too."""
        replica.ejected_until = self._monotonic() + EJECT_SECONDS
        if is_gone and replica.is_stale(self._unix_time()):
            self._replicas.pop(replica.record.replica_id, None)
            self._forgotten[replica.record.replica_id] = replica.record.published_at
            log.warning("replica_forgotten", replica_id=replica.record.replica_id)


def parse_records(fields: Mapping[bytes, bytes]) -> list[ReplicaRecord]:
    """The records of the Redis hash; what is damaged or of a newer format is left out, and said."""
    records: list[ReplicaRecord] = []
    for name, value in fields.items():
        try:
            record = ReplicaRecord.model_validate_json(value)
        except ValidationError:
            log.warning("replica_record_damaged", replica_id=name.decode(errors="replace"))
            continue
        if record.format > REPLICA_FORMAT:
            log.warning("replica_record_newer", replica_id=record.replica_id, format=record.format)
            continue
        records.append(record)
    return records


def save_table(folder: Path, *, records: Iterable[ReplicaRecord]) -> None:
    """So that a gateway that starts while Redis is down knows where to ask."""
    saved = SavedTable(replicas=tuple(records))
    write_atomically(folder / REPLICAS_FILE, saved.model_dump_json().encode())


def load_table(folder: Path) -> list[ReplicaRecord]:
    """The saved records, or none where there is no readable file of a known format."""
    try:
        saved = SavedTable.model_validate_json((folder / REPLICAS_FILE).read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        log.warning("replica_file_unreadable", problem=type(error).__name__)
        return []
    return list(saved.replicas) if saved.format <= REPLICA_FORMAT else []
