"""The inside of a template's trial: templates on stdin as JSON, `{"refusal": ...}` on stdout, within limits.

The extensions and names are those that transformers gives a chat template
(huggingface.co/docs/transformers/main/en/chat_templating_writing).
"""

import ctypes
import json
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

CPU_SECONDS = 2
MEMORY_BYTES = 512 * 1024 * 1024
MOST_OUTPUT_CHARACTERS = 1024 * 1024
PR_SET_PDEATHSIG = 1

CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "You are helpful."},
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Hello! What can I do?"},
    {"role": "user", "content": "Tell me a story."},
]


class Complaint(TemplateError):
    """A template called `raise_exception`: it does not like the conversation."""


class Generation(Extension):
    """`{% generation %}` marks what the assistant said, for training; here it is only its content."""

    tags = {"generation"}  # noqa: RUF012  the name and kind that jinja2 asks for

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def complain(message: object) -> None:
    raise Complaint(str(message)[:200])


def to_json(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=options.get("indent"))


def refusal_of(template: str) -> str | None:
    """Why the template may not enter. What it says, or what it lacks, is no reason: that it ends is what is asked."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation], autoescape=False
    )
    environment.filters["tojson"] = to_json
    now: Callable[[str], str] = lambda form: f"1 Jan 2026 ({form[:40]})"  # noqa: E731
    given: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>", "tools": None}
    given |= {"raise_exception": complain, "strftime_now": now}
    length = 0
    try:
        for piece in environment.from_string(template).generate(
            messages=CONVERSATION, add_generation_prompt=True, **given
        ):
            length += len(piece)
            if length > MOST_OUTPUT_CHARACTERS:
                return "has a chat template that writes more than 1 MiB for four short messages"
    except SecurityError as error:
        return f"has a chat template that reaches for Python's insides ({error})"
    except MemoryError:
        return "has a chat template that fills the memory"
    except RecursionError:
        return "has a chat template that calls itself without end"
    except Exception:  # noqa: BLE001  a template may stumble over our conversation in any way; it has ended
        return None
    return None


def limit_ourselves() -> None:
    """SIGKILL after the CPU time, no file longer than 0 bytes, no more processes, and death with the parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    templates: list[str] = json.load(sys.stdin)
    limit_ourselves()
    reasons = [reason for template in templates if (reason := refusal_of(template))]
    sys.stdout.write(json.dumps({"refusal": reasons[0] if reasons else None}))


if __name__ == "__main__":
    main()
