"""Which engines answer for a model: the live table as last seen, what each has in flight, and who fails.

The table comes from Redis; where Redis is silent or empty, what was last seen holds (unknown is not none). A record
that is no longer refreshed is used only after all fresh ones, and forgotten once it also fails to answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from appliance.base.contracts.replica_table import REPLICA_FORMAT, STALE_SECONDS, ReplicaRecord
from appliance.base.errors import Unavailable
from appliance.base.files import write_atomically
from appliance.base.logs import get_logger
from appliance.gateway.routing.outliers import Outlier, ejected

REPLICAS_FILE = "replicas.json"

log = get_logger(__name__)


class SavedTable(BaseModel):
    format: int = REPLICA_FORMAT
    replicas: tuple[ReplicaRecord, ...] = ()


@dataclass
class Replica:
    """A record and what this gateway knows beside it."""

    record: ReplicaRecord
    in_flight: int = 0
    outlier: Outlier = field(default_factory=Outlier)

    def is_stale(self, now: float) -> bool:
        return now - self.record.published_at > STALE_SECONDS


class ReplicaTable:
    """`candidates` for a request, count it in `in_flight` of the replica, then `answered` or `failed`.

    `on_change` is called when a replica came, went or changed its state.
    """

    def __init__(self, *, unix_time: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self.on_change: Callable[[], object] | None = None
        self._replicas: dict[str, Replica] = {}
        self._ready: dict[str, list[Replica]] = {}
        self._capacities: dict[str, tuple[int, int]] = {}
        self._turns: dict[str, int] = {}
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
        changed = False
        for record in records:
            known = self._replicas.get(record.replica_id)
            if known is None:
                if record.published_at > self._forgotten.get(record.replica_id, 0.0):
                    self._replicas[record.replica_id] = Replica(record)
                    changed = True
            elif record.published_at > known.record.published_at:
                said = (record.state, record.capacity) != (known.record.state, known.record.capacity)
                changed = changed or said
                known.record = record
        if changed:
            self._sort_out()

    def candidates(self, served_model_id: str, *, without: Iterable[str] = ()) -> list[Replica]:
        """The best of the ready ones: sound before ejected, fresh before stale; raises Unavailable when none is left.

        They stand in another order each time, so that taking the first, or the first of equals, takes turns.
        """
        tried = set(without)
        ready = self._ready.get(served_model_id, [])
        usable = [one for one in ready if one.record.replica_id not in tried] if tried else ready
        if not usable:
            raise Unavailable("No replica of this model is ready.", hint="Try again soon.", retry_after_seconds=2.0)
        if len(usable) == 1:
            return usable
        turn = self._turns.get(served_model_id, -1) + 1
        self._turns[served_model_id] = turn
        first = turn % len(usable)
        usable = usable[first:] + usable[:first]
        now, tick = self._unix_time(), self._monotonic()
        if all(one.outlier.ejected_until <= tick and not one.is_stale(now) for one in usable):
            return usable
        out = ejected([one.outlier for one in usable], now=tick)
        ranks = [(position in out, one.is_stale(now)) for position, one in enumerate(usable)]
        best = min(ranks)
        return [one for one, rank in zip(usable, ranks, strict=True) if rank == best]

    def choose(self, served_model_id: str, *, without: Iterable[str] = ()) -> Replica:
        """Of the candidates the one with the least in flight."""
        return min(self.candidates(served_model_id, without=without), key=lambda one: one.in_flight)

    def capacity(self, served_model_id: str, *, unknown: int) -> int:
        """How many requests the ready replicas work on at once; `unknown` for one that does not say."""
        said, silent = self._capacities.get(served_model_id, (0, 0))
        return said + silent * unknown

    def answered(self, replica: Replica) -> None:
        replica.outlier.succeeded(self._monotonic())

    def failed(self, replica: Replica, *, is_gone: bool) -> bool:
        """Note a failure, True where it ejects the replica; forget it where nobody listens and its record is stale."""
        if is_gone and replica.is_stale(self._unix_time()):
            self._replicas.pop(replica.record.replica_id, None)
            self._forgotten[replica.record.replica_id] = replica.record.published_at
            self._sort_out()
            log.warning("replica_forgotten", replica_id=replica.record.replica_id)
        was_ejected = replica.outlier.failed(self._monotonic(), at_once=is_gone)
        if was_ejected:
            log.warning("replica_ejected", replica_id=replica.record.replica_id, times=replica.outlier.ejections)
        return was_ejected

    def _sort_out(self) -> None:
        """The ready ones by served model: asked for each request, changed rarely."""
        ready: dict[str, list[Replica]] = {}
        for one in self._replicas.values():
            if one.record.state == "ready":
                ready.setdefault(one.record.served_model_id, []).append(one)
        self._ready = ready
        self._capacities = {
            name: (
                sum(one.record.capacity or 0 for one in some),
                sum(one.record.capacity is None for one in some),
            )
            for name, some in ready.items()
        }
        if self.on_change is not None:
            self.on_change()


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
