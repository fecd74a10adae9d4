"""Prefix-aware routing against round robin: two replicas of one served model, prompts that share long beginnings.

Makes two routes to the served model through the admin API, `bench-prefix` and `bench-round-robin`, sends the same kind
of conversations through each in alternating rounds, every round with beginnings that nobody has seen, and prints for
both policies: median and p95 time to the first token, tokens/s, and the share of prompt tokens that the engines had
cached.

`python -m benchmarks.prefix_routing --model sails-guide` against a running appliance whose model has two replicas
(`appliance serve scale sails-guide 2`) and an engine with prefix caching (vLLM: on by default).
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvloop

from appliance.base.box import read_box
from appliance.base.clock import monotonic
from appliance.base.errors import ApplianceError, SetupError
from appliance.base.paths import Home, default_home
from appliance.base.secret_files import Secret, read_secret
from installer.admin_client import AdminClient

POLICIES = {"bench-prefix": "prefix", "bench-round-robin": "round_robin"}
WORDS = (
    "river",
    "stone",
    "lamp",
    "garden",
    "winter",
    "engine",
    "paper",
    "silver",
    "road",
    "bridge",
    "letter",
    "harbour",
)
SETTLE_SECONDS = 30.0


@dataclass(frozen=True)
class Plan:
    """`groups` beginnings of `prefix_words`, `turns` requests with each, `clients` at once, `tokens` of answer."""

    groups: int
    turns: int
    prefix_words: int
    clients: int
    tokens: int
    rounds: int


@dataclass
class Tally:
    first_token_seconds: list[float] = field(default_factory=list[float])
    tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0
    failed: int = 0


@dataclass(frozen=True)
class Figures:
    policy: str
    requests: int
    failed: int
    first_token_ms_median: float
    first_token_ms_p95: float
    tokens_per_second: float
    cached_share: float


async def measure(client: httpx.AsyncClient, *, plan: Plan, seed: int) -> list[Figures]:
    """Rounds alternate, and so does who begins: what a round leaves in the caches helps nobody."""
    tallies = {name: Tally() for name in POLICIES}
    for number in range(plan.rounds):
        names = list(POLICIES) if number % 2 == 0 else list(POLICIES)[::-1]
        for name in names:
            draw = random.Random(f"{seed} {number} {name}")  # noqa: S311  texts, not secrets
            await play(client, name, plan=plan, draw=draw, tally=tallies[name])
    return [figures(POLICIES[name], tally) for name, tally in tallies.items()]


async def play(client: httpx.AsyncClient, name: str, *, plan: Plan, draw: random.Random, tally: Tally) -> None:
    beginnings = [" ".join(draw.choices(WORDS, k=plan.prefix_words)) for _ in range(plan.groups)]
    questions = [
        (text, f"Question {turn}: which word came most often?") for turn in range(plan.turns) for text in beginnings
    ]
    room, began = asyncio.Semaphore(plan.clients), monotonic()

    async def one(beginning: str, question: str) -> None:
        async with room:
            await ask(client, name, [beginning, question], tokens=plan.tokens, tally=tally)

    await asyncio.gather(*(one(*pair) for pair in questions))
    tally.seconds += monotonic() - began


async def ask(client: httpx.AsyncClient, name: str, texts: list[str], *, tokens: int, tally: Tally) -> None:
    body: dict[str, Any] = {
        "messages": [{"role": "system", "content": texts[0]}, {"role": "user", "content": texts[1]}],
        "model": name,
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    began, first, usage = monotonic(), None, None
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        if answer.status_code != 200:
            tally.failed += 1
            return
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if first is None and any(choice["delta"].get("content") for choice in chunk.get("choices", ())):
                first = monotonic() - began
            usage = chunk.get("usage") or usage
    if usage is None or first is None:
        tally.failed += 1
        return
    tally.first_token_seconds.append(first)
    tally.tokens += usage["completion_tokens"]
    tally.prompt_tokens += usage["prompt_tokens"]
    tally.cached_tokens += cached_of(usage)


def cached_of(usage: dict[str, Any]) -> int:
    details: dict[str, Any] = usage.get("prompt_tokens_details") or {}
    return details.get("cached_tokens") or 0


def figures(policy: str, tally: Tally) -> Figures:
    firsts = sorted(tally.first_token_seconds)
    if not firsts:
        raise SetupError(f"No request by {policy} was answered.", hint="See `appliance logs gateway`.")
    return Figures(
        policy=policy,
        requests=len(firsts),
        failed=tally.failed,
        first_token_ms_median=round(statistics.median(firsts) * 1000, 1),
        first_token_ms_p95=round(firsts[int(0.95 * (len(firsts) - 1))] * 1000, 1),
        tokens_per_second=round(tally.tokens / tally.seconds, 1),
        cached_share=round(tally.cached_tokens / max(1, tally.prompt_tokens), 3),
    )


def make_routes(api: AdminClient, *, model: str) -> None:
    served = api.get(f"/served-models/{model}")
    if served["observed_replicas"] < 2:
        raise SetupError(f"{model} has fewer than two replicas.", hint=f"`appliance serve scale {model} 2`")
    known = {route["name"] for route in api.every("/routes")}
    for name, balance in POLICIES.items():
        body: dict[str, Any] = {"tiers": [[{"served_model": model}]], "balance": balance}
        api.put(f"/routes/{name}", body) if name in known else api.post("/routes", {**body, "name": name})


async def run(home: Home, *, plan: Plan, seed: int) -> list[Figures]:
    headers = {"authorization": f"Bearer {read_secret(home, Secret.FIRST_API_KEY)}"}
    base_url = f"http://127.0.0.1:{read_box(home).ports.public}"
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=600) as client:
        deadline = monotonic() + SETTLE_SECONDS
        for name in POLICIES:
            while (await client.get(f"/v1/models/{name}")).status_code != 200:
                if monotonic() > deadline:
                    raise SetupError(f"The gateway does not know {name}.", hint="See `appliance status`.")
                await asyncio.sleep(0.2)
        return await measure(client, plan=plan, seed=seed)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("APPLIANCE_HOME", default_home()))
    parser.add_argument("--home", type=Path, default=default, help="a running appliance's home")
    parser.add_argument("--model", default="sails-guide")
    parser.add_argument("--groups", type=int, default=8, help="different beginnings in a round")
    parser.add_argument("--turns", type=int, default=6, help="requests with each beginning")
    parser.add_argument("--prefix-words", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def main() -> int:
    asked = parse_arguments(sys.argv[1:])
    home = Home(asked.home)
    plan = Plan(asked.groups, asked.turns, asked.prefix_words, asked.clients, asked.tokens, asked.rounds)
    try:
        with AdminClient(home) as api:
            make_routes(api, model=asked.model)
            rows = uvloop.run(run(home, plan=plan, seed=asked.seed))
            for name in POLICIES:
                api.delete(f"/routes/{name}")
    except ApplianceError as error:
        print(f"{error.message} {error.hint or ''}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return 0
    print(f"{'policy':>12} {'requests':>8} {'failed':>6} {'ttft ms':>9} {'p95 ms':>9} {'tokens/s':>9} {'cached':>7}")
    for row in rows:
        print(
            f"{row.policy:>12} {row.requests:>8} {row.failed:>6} {row.first_token_ms_median:>9.1f}"
            f" {row.first_token_ms_p95:>9.1f} {row.tokens_per_second:>9.1f} {row.cached_share:>7.1%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
