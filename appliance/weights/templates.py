"""Chat templates are programs that a stranger wrote: each is rendered once in a sandbox before it is let in.

jinja2's `ImmutableSandboxedEnvironment` keeps it from Python's insides, but not from running for ever or filling
the memory (jinja.palletsprojects.com/en/stable/sandbox, "Security Considerations"), so it runs in a process of its
own with limits on time, memory and output.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from appliance.base.child_env import child_env

LONGEST_TEMPLATE_BYTES = 1024 * 1024
MOST_TEMPLATES = 32
MOST_OUTPUT_BYTES = 1024 * 1024
WALL_SECONDS = 10.0
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trial:
    """`refusal` says why a template may not enter; None when it ended within its limits."""

    refusal: str | None


def try_templates(templates: list[str], *, wall_seconds: float = WALL_SECONDS) -> Trial:
    """Render every template with a short conversation. A template that complains of the conversation has ended too."""
    if len(templates) > MOST_TEMPLATES:
        return Trial(f"has {len(templates)} chat templates; {MOST_TEMPLATES} are allowed")
    if any(len(template.encode(errors="replace")) > LONGEST_TEMPLATE_BYTES for template in templates):
        return Trial("has a chat template of more than 1 MiB")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "appliance.weights.template_trial"],
            input=json.dumps(templates).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=wall_seconds,
            env=child_env(),
            cwd=REPOSITORY,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Trial(f"has a chat template that does not end within {wall_seconds:.0f} s")
    return Trial(verdict(ended.returncode, ended.stdout))


def verdict(status: int, answer: bytes) -> str | None:
    """The child says `{"refusal": ...}`; one that the kernel ended (by its CPU limit) says nothing."""
    try:
        found = json.loads(answer)
    except ValueError:
        return f"has a chat template that does not end within its limits (its process ended with {status})"
    return str(found["refusal"]) if found.get("refusal") else None


def templates_in(name: str, content: bytes) -> list[str]:
    """The chat templates in a file of a model, as transformers' tokenizers and processors store them."""
    base = Path(name).name
    if base.endswith(".jinja"):
        return [content.decode(errors="replace")]
    if base not in ("tokenizer_config.json", "chat_template.json", "processor_config.json"):
        return []
    document = json.loads(content)
    found = cast(dict[str, Any], document).get("chat_template") if isinstance(document, dict) else None
    if isinstance(found, str):
        return [found]
    if isinstance(found, dict):
        return [value for value in cast(dict[str, Any], found).values() if isinstance(value, str)]
    if isinstance(found, list):
        entries = [cast(dict[str, Any], entry) for entry in cast(list[Any], found) if isinstance(entry, dict)]
        return [entry["template"] for entry in entries if isinstance(entry.get("template"), str)]
    return []
