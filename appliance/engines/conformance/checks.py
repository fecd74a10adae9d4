"""The checks, in the order in which they run: each says what it saw of the running engine, or raises CheckFailed."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from appliance.base.clock import monotonic
from appliance.engines.conformance.engine import CheckFailed, EngineUnderTest
from model_catalog.bundled.reference import Reference, agreement

CONCURRENT = 8
CANCEL_SECONDS = 10.0
STOP_SECONDS = 30.0
GONE_SECONDS = 5.0
LONG_ANSWER_TOKENS = 900
NEEDED_AGREEMENT_QUANTIZED = 0.8
"""Of answers, with quantized weights; with whole weights every answer must agree up to rounding."""

Run = Callable[[EngineUnderTest, Reference], str]


@dataclass(frozen=True)
class Check:
    name: str
    run: Run


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CheckFailed(otherwise)


def greedy(engine: EngineUnderTest, reference: Reference) -> str:
    """Equal to the reference wherever its two best tokens are not within rounding of each other."""
    answers = [engine.ask(one.question, max_tokens=reference.most_tokens).text for one in reference.answers]
    compared = [agreement(said, reference=one) for said, one in zip(answers, reference.answers, strict=True)]
    good = sum(one.is_within_rounding for one in compared)
    tokens = sum(one.tokens for one in compared)
    if engine.quantization is None:
        worst = max((one.differs_by or 0.0 for one in compared), default=0.0)
        require(good == len(compared), f"{len(compared) - good} answers differ, the clearest by {worst:.2f} logits.")
        return f"{len(compared)} answers, {tokens} tokens as the reference"
    share = good / len(compared)
    require(share >= NEEDED_AGREEMENT_QUANTIZED, f"Only {share:.0%} of answers agree with the reference.")
    return f"{share:.1%} of {len(compared)} answers agree with the reference ({engine.quantization})"


def streaming(engine: EngineUnderTest, reference: Reference) -> str:
    """The pieces make the same text as the whole answer, and the last chunk tells the usage."""
    question = reference.answers[0].question
    with engine.stream(question) as stream:
        received = list(stream)
    pieces = [choice["delta"].get("content") or "" for chunk in received for choice in chunk["choices"]]
    whole = engine.ask(question)
    require("".join(pieces) == whole.text, f"Streamed {''.join(pieces)!r}, whole {whole.text!r}.")
    require("usage" in received[-1], "The last chunk tells no usage.")
    told = [int(one["usage"]["completion_tokens"]) for one in (received[-1], whole.document)]
    require(told[0] == told[1], f"The stream tells {told[0]} tokens, the whole answer {told[1]}.")
    return f"{sum(1 for piece in pieces if piece)} pieces"


def stop_strings(engine: EngineUnderTest, reference: Reference) -> str:
    """The answer ends before the stop string, which is not part of it."""
    question, text = reference.answers[0].question, reference.answers[0].answer
    stop = text.split()[3]
    stopped = engine.ask(question, stop=[stop])
    require(stop not in stopped.text, f"{stop!r} is in {stopped.text!r}.")
    require(text.startswith(stopped.text), f"{stopped.text!r} is not the beginning of {text!r}.")
    require(stopped.finish_reason == "stop", f"finish_reason is {stopped.finish_reason}.")
    return f"stopped before {stop!r}"


def token_limit(engine: EngineUnderTest, reference: Reference) -> str:
    short = engine.ask(reference.answers[0].question, max_tokens=3)
    usage = short.document["usage"]
    require(usage["completion_tokens"] == 3, f"max_tokens 3 gave {usage['completion_tokens']}.")
    require(short.finish_reason == "length", f"finish_reason is {short.finish_reason}.")
    require(usage["total_tokens"] == usage["prompt_tokens"] + 3, f"The usage does not add up: {usage}.")
    return "3 of 3 tokens, finish_reason length"


def too_long(engine: EngineUnderTest, reference: Reference) -> str:  # noqa: ARG001  one shape for all checks
    refused = engine.ask("sail " * 5000)
    require(refused.status == 400, f"A prompt longer than the context got {refused.status}.")
    require("error" in refused.document, f"It has no error: {refused.document}.")
    return "refused with 400"


def concurrent(engine: EngineUnderTest, reference: Reference) -> str:
    """Eight at once, each answered as when asked alone, up to rounding: another batch rounds differently."""
    asked = reference.answers[:CONCURRENT]
    with ThreadPoolExecutor(CONCURRENT) as pool:
        answers = list(pool.map(engine.ask, [one.question for one in asked]))
    differing = [
        one.question
        for said, one in zip(answers, asked, strict=True)
        if not agreement(said.text, reference=one).is_within_rounding
    ]
    allowed = 0 if engine.quantization is None else len(asked) // 4
    require(len(differing) <= allowed, f"Asked together these differ: {differing}.")
    return f"{CONCURRENT} at once"


def cancel(engine: EngineUnderTest, reference: Reference) -> str:
    """A client that leaves in the stream frees the engine: its running count goes back to 0."""
    with engine.stream(reference.answers[0].question, max_tokens=LONG_ANSWER_TOKENS, ignore_eos=True) as stream:
        next(stream)
        next(stream)
    began = monotonic()
    while engine.load().running > 0:
        require(monotonic() - began < CANCEL_SECONDS, "It goes on working for a client that has left.")
        time.sleep(0.05)
    return "stopped when the client left"


def metrics(engine: EngineUnderTest, reference: Reference) -> str:
    before = engine.load()
    usage = engine.ask(reference.answers[1].question).document["usage"]
    after = engine.load()
    counted = after.generation_tokens - before.generation_tokens
    require(
        counted == usage["completion_tokens"], f"{counted} tokens counted, {usage['completion_tokens']} were answered."
    )
    require(after.prompt_tokens > before.prompt_tokens, "Prompt tokens are not counted.")
    return f"{counted} of {usage['completion_tokens']} tokens counted"


def crash_and_restart(engine: EngineUnderTest, reference: Reference) -> str:
    """Killed, nothing of it is left, and it comes up again on the same socket."""
    process = engine.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.end()
    require_gone(process.pid)
    seconds = engine.start()
    require(engine.ask(reference.answers[0].question).status == 200, "It does not answer after a restart.")
    return f"back after {seconds:.1f} s"


def clean_stop(engine: EngineUnderTest, reference: Reference) -> str:  # noqa: ARG001  one shape for all checks
    process = engine.process
    assert process is not None
    began = monotonic()
    engine.end()
    seconds = monotonic() - began
    require(seconds < STOP_SECONDS, f"It took {seconds:.0f} s to stop.")
    require_gone(process.pid)
    return f"{seconds:.1f} s, nothing left"


def require_gone(group: int) -> None:
    """Soon: what was sent SIGKILL still stands in /proc for a moment."""
    began = monotonic()
    while left := members(group):
        require(monotonic() - began < GONE_SECONDS, f"{len(left)} processes of its group outlived the engine.")
        time.sleep(0.05)


def members(group: int) -> list[int]:
    """Live processes of a process group, by /proc (proc(5): the fifth field of stat)."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, member_of = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(member_of) == group and state != "Z":
                found.append(int(entry.name))
    return found


CHECKS: Sequence[Check] = (
    Check("greedy answers", greedy),
    Check("streaming", streaming),
    Check("stop strings", stop_strings),
    Check("token limit", token_limit),
    Check("too long a prompt", too_long),
    Check("concurrent requests", concurrent),
    Check("cancel", cancel),
    Check("metrics", metrics),
    Check("crash and restart", crash_and_restart),
    Check("clean stop", clean_stop),
)
