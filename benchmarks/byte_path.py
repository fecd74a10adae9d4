"""Streamed tokens/s through the public address against the same engine reached directly, in one run, in alternating
rounds.

Prints per number of clients: tokens/s of both, their ratio (median over rounds), what gateway and front door spend of
processor time per token, and the added time to the first token. `python -m benchmarks.byte_path` takes everything
from a running appliance's home.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from appliance.base.box import read_box
from appliance.base.clock import monotonic
from appliance.base.errors import SetupError
from appliance.base.paths import Home, default_home
from appliance.base.secret_files import Secret, read_secret
from appliance.gateway.replicas import load_table
from appliance.gateway.snapshot_file import SnapshotFile
from benchmarks.processor_time import listeners_on_port, listeners_on_socket, processor_seconds
from benchmarks.stream_client import Reply, Target, ask

DEFAULT_MODEL = "sails-guide"


@dataclass(frozen=True)
class Sides:
    """The two ways to the same engine, and the processes in between."""

    model: str
    direct: Target
    public: Target
    between: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    clients: tuple[int, ...]
    rounds: int
    tokens: int
    most_seconds: float


@dataclass(frozen=True)
class Round:
    """All clients' replies to one request each; `cpu_seconds` of the processes in between."""

    tokens: int
    seconds: float
    first_token_seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True)
class Figures:
    clients: int
    rounds: int
    direct_tokens_per_second: float
    public_tokens_per_second: float
    ratio: float
    ratio_lowest: float
    ratio_highest: float
    cpu_microseconds_per_token: float
    direct_first_token_ms: float
    public_first_token_ms: float
    added_first_token_ms: float


async def measure(sides: Sides, *, plan: Plan) -> list[Figures]:
    """One warm-up round a side, then pairs of rounds whose order alternates, until the plan or its time is through."""
    deadline = monotonic() + plan.most_seconds
    figures: list[Figures] = []
    for clients in plan.clients:
        for target in (sides.direct, sides.public):
            await play(sides, target=target, clients=clients, tokens=min(16, plan.tokens))
        pairs: list[tuple[Round, Round]] = []
        for number in range(plan.rounds):
            order = (sides.direct, sides.public) if number % 2 == 0 else (sides.public, sides.direct)
            played = {
                id(target): await play(sides, target=target, clients=clients, tokens=plan.tokens) for target in order
            }
            pairs.append((played[id(sides.direct)], played[id(sides.public)]))
            if monotonic() > deadline:
                break
        figures.append(summarise(clients, pairs))
    return figures


async def play(sides: Sides, *, target: Target, clients: int, tokens: int) -> Round:
    cpu, began = processor_seconds(sides.between), monotonic()
    replies: list[Reply] = await asyncio.gather(
        *(ask(target, model=sides.model, tokens=tokens) for _ in range(clients))
    )
    return Round(
        tokens=sum(reply.tokens for reply in replies),
        seconds=monotonic() - began,
        first_token_seconds=statistics.median(reply.first_token_seconds for reply in replies),
        cpu_seconds=processor_seconds(sides.between) - cpu,
    )


def summarise(clients: int, pairs: list[tuple[Round, Round]]) -> Figures:
    directs, publics = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ratios = [public.rate / direct.rate for direct, public in pairs]
    direct_first = statistics.median(each.first_token_seconds for each in directs) * 1000
    public_first = statistics.median(each.first_token_seconds for each in publics) * 1000
    return Figures(
        clients=clients,
        rounds=len(pairs),
        direct_tokens_per_second=round(statistics.median(each.rate for each in directs), 1),
        public_tokens_per_second=round(statistics.median(each.rate for each in publics), 1),
        ratio=round(statistics.median(ratios), 3),
        ratio_lowest=round(min(ratios), 3),
        ratio_highest=round(max(ratios), 3),
        cpu_microseconds_per_token=round(
            sum(each.cpu_seconds for each in publics) / sum(each.tokens for each in publics) * 1e6, 1
        ),
        direct_first_token_ms=round(direct_first, 2),
        public_first_token_ms=round(public_first, 2),
        added_first_token_ms=round(public_first - direct_first, 2),
    )


def sides_of_home(home: Home, *, model: str) -> Sides:
    """Everything from a running appliance: port, first key, and the engine's address as the gateway knows it."""
    snapshot = SnapshotFile(home.snapshot)
    snapshot.refresh()
    served = snapshot.directory.models.get(model)
    if served is None:
        raise SetupError(f"{model} is not served.", hint="`appliance serve list` says what is.")
    known = sorted(load_table(home.snapshot), key=lambda record: record.started_at)
    engines = [record.endpoint for record in known if record.served_model_id == served.served_model_id]
    if not engines:
        raise SetupError(f"No replica of {model} is known.", hint="Wait until `appliance status` is green.")
    port = read_box(home).ports.public
    return Sides(
        model=model,
        direct=Target(address=engines[-1]),
        public=Target(address=f"http://127.0.0.1:{port}", key=read_secret(home, Secret.FIRST_API_KEY)),
        between=(*listeners_on_port(port), *listeners_on_socket(home.gateway_socket)),
    )


def sides_of_arguments(asked: argparse.Namespace) -> Sides:
    public = Target(address=asked.public, key=asked.key)
    return Sides(model=asked.model, direct=Target(address=asked.engine), public=public, between=tuple(asked.pid))


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(os.environ.get("APPLIANCE_HOME", default_home())),
        help="a running appliance's home",
    )
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=128, help="tokens of each answer")
    parser.add_argument("--most-seconds", type=float, default=300.0, help="no new round after this long")
    parser.add_argument("--json", action="store_true")
    by_hand = parser.add_argument_group("without a home")
    by_hand.add_argument("--public", help="http://host:port or unix:/path of the front door or gateway")
    by_hand.add_argument("--engine", help="unix:/path or http://host:port of the engine")
    by_hand.add_argument("--key", help="an API key")
    by_hand.add_argument("--pid", type=int, action="append", default=[], help="a process in between; repeat for each")
    return parser.parse_args(arguments)


def print_table(figures: list[Figures]) -> None:
    print(f"{'clients':>7} {'direct':>10} {'public':>10} {'ratio':>7} {'range':>13} {'us/token':>9} {'ttft +ms':>9}")
    for row in figures:
        print(
            f"{row.clients:>7} {row.direct_tokens_per_second:>8.0f}/s {row.public_tokens_per_second:>8.0f}/s"
            f" {row.ratio:>7.3f} {row.ratio_lowest:>6.3f}-{row.ratio_highest:.3f}"
            f" {row.cpu_microseconds_per_token:>9.1f} {row.added_first_token_ms:>9.2f}"
        )


def main() -> int:
    asked = parse_arguments(sys.argv[1:])
    try:
        sides = sides_of_arguments(asked) if asked.engine else sides_of_home(Home(asked.home), model=asked.model)
    except SetupError as error:
        print(f"{error.message} {error.hint or ''}", file=sys.stderr)
        return 1
    plan = Plan(clients=tuple(asked.clients), rounds=asked.rounds, tokens=asked.tokens, most_seconds=asked.most_seconds)
    figures = uvloop.run(measure(sides, plan=plan))
    if asked.json:
        print(json.dumps([asdict(row) for row in figures], indent=2))
    else:
        print_table(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
