"""`up` and `down`."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from installer.commands.options import Json
from installer.terminal import STOPPED_BY_USER, err, out, print_exactly, print_json, settings

if TYPE_CHECKING:
    from installer.bring_up import Raised
    from installer.first_question import FirstReply

ADMIN_NAME = "admin"
NO_MODEL = (
    "The bundled chat model is not served here. `appliance models here` lists what fits, `appliance weights import` "
    "brings weights in, `appliance serve deploy` serves them."
)


def up(
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the model one question at the end and print the answer.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Set up what is missing, start the stack, and wait until the bundled chat model answers, where it is served.

    Run again, it changes nothing that is right and mends what is not.

    Example: `appliance up --ask`
    """
    from installer.bring_up import bring_up
    from installer.first_question import ask_first_question, is_wanted
    from installer.runner import SilentProgress, TerminalProgress

    try:
        raised = bring_up(settings(), progress=SilentProgress() if as_json else TerminalProgress(out))
        has_model = is_wanted(raised.stack)
        first = ask_first_question(raised.stack, on_text=lambda _: None) if ask and has_model else None
    except KeyboardInterrupt:
        err.print(
            "Stopped. What was started goes on running; `appliance up` continues from here, `appliance down` ends it."
        )
        raise typer.Exit(STOPPED_BY_USER) from None
    document = up_document(raised, first=first, has_model=has_model)
    if as_json:
        print_json(document)
    else:
        print_up(document)


def up_document(raised: "Raised", *, first: "FirstReply | None", has_model: bool) -> dict[str, Any]:
    from appliance.base.secret_files import Secret
    from installer.first_question import curl_line
    from installer.services import public_url

    stack = raised.stack
    url = public_url(stack)
    document: dict[str, Any] = {
        "url": f"{url}/",
        "openai_base_url": f"{url}/v1",
        "home": str(stack.home.root),
        "admin": ADMIN_NAME,
        "admin_password_file": str(stack.home.secrets / Secret.ADMIN_PASSWORD.value),
        "api_key_file": str(stack.home.secrets / Secret.FIRST_API_KEY.value),
        "curl": curl_line(stack) if has_model else None,
        "phases": [
            {"id": timing.id, "title": timing.title, "seconds": round(timing.seconds, 3), "changed": timing.changed}
            for timing in raised.timings
        ],
        "seconds": round(raised.seconds, 3),
        "environment_seconds": float(os.environ.get("TS_BOOTSTRAP_SECONDS", "0")),
    }
    if first is not None:
        document["first_question"] = {
            "question": first.question,
            "answer": first.reply.text.strip(),
            "tokens": first.reply.completion_tokens,
            "tokens_per_second": round(first.reply.tokens_per_second, 1),
            "first_token_seconds": round(first.reply.first_token_seconds, 4),
        }
    return document


def print_up(document: dict[str, Any]) -> None:
    bootstrap, seconds = document["environment_seconds"], document["seconds"]
    packages = f"packages {bootstrap:.1f} s, " if bootstrap >= 1 else ""
    out.print(
        f"\n[bold green]The appliance is up[/] [dim]({packages}stack and model {seconds:.1f} s)[/]\n", highlight=False
    )
    if "first_question" in document:
        print_first(document["first_question"])
    for label, key in (("Browser", "url"), ("API clients", "openai_base_url"), ("Admin", "admin")):
        print_exactly(f"{label:<15} {document[key]}")
    print_exactly(f"{'Password':<15} in {document['admin_password_file']}")
    print_exactly(f"{'First API key':<15} in {document['api_key_file']}")
    if document["curl"] is None:
        print_exactly(f"\n{NO_MODEL}\n")
        return
    print_exactly(
        "Embeddings      all-minilm-l6-v2 starts after the chat model; `appliance status` shows when it is ready"
    )
    print_exactly(f"\nTry it:\n{document['curl']}\n")


def print_first(first: dict[str, Any]) -> None:
    out.print(f"[bold]{first['question']}[/]")
    print_exactly(first["answer"])
    speed = f"{first['tokens']} tokens, {first['tokens_per_second']:.0f} tokens/s"
    out.print(f"[dim]{speed}, first token after {first['first_token_seconds'] * 1000:.0f} ms[/]\n", highlight=False)


def down() -> None:
    """Stop the whole stack, engines included, and leave no process behind. All state stays.

    Example: `appliance down`
    """
    from installer.bring_up import only_one_up
    from installer.supervision.lifecycle import bring_down

    home = settings().paths
    if not home.root.is_dir():
        print_exactly(f"There is no appliance in {home.root}; nothing runs.")
        return
    with only_one_up(home), out.status("Stopping") as line:
        killed = bring_down(home, say=lambda detail: line.update(f"Stopping [dim]({detail})[/]"))
    print_exactly("The appliance is down." + (f" {len(killed)} processes had to be killed." if killed else ""))
