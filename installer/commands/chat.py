"""`chat`: talk to a served model, as any client would."""

from typing import Annotated

import typer

from installer.terminal import out, settings

QUIT = frozenset({"exit", "quit", ""})


def chat(
    prompt: Annotated[str | None, typer.Argument(help="One question; a conversation begins when left out.")] = None,
    model: Annotated[str, typer.Option("--model", help="The public name of the model.")] = "sails-guide",
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=1, help="Longest answer, in tokens.")] = None,
) -> None:
    """Ask a model through the gateway; prints the answer as it comes, then its speed.

    Example: `appliance chat "How do I stop the appliance?"`
    """
    from installer.conversation import Conversation, open_client

    conversation = Conversation(open_client(settings()), model=model, max_tokens=max_tokens)
    if prompt is not None:
        conversation.say(prompt)
        return
    out.print(f"[dim]Talking to {model}; an empty line or Ctrl-D ends it.[/]")
    while True:
        try:
            line = out.input("[bold]> [/]").strip()
        except EOFError:
            return
        if line in QUIT:
            return
        conversation.say(line)
