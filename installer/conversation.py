"""A conversation at the terminal: remembers what was said, prints as it comes, states the speed."""

import sys

from appliance.base.box import read_box
from appliance.base.settings import Settings
from installer.chat_client import ChatClient, Message
from installer.first_question import chat_client
from installer.programs import find_programs
from installer.services import Stack
from installer.terminal import out


def open_client(settings: Settings) -> ChatClient:
    home = settings.paths
    return chat_client(Stack(home, box=read_box(home), settings=settings, programs=find_programs()))


class Conversation:
    def __init__(self, client: ChatClient, *, model: str, max_tokens: int | None) -> None:
        self.client = client
        self.model = model
        self.max_tokens = max_tokens
        self.messages: list[Message] = []

    def say(self, text: str) -> None:
        self.messages.append({"role": "user", "content": text})
        reply = self.client.ask(self.messages, model=self.model, on_text=show, max_tokens=self.max_tokens)
        sys.stdout.write("\n")
        self.messages.append({"role": "assistant", "content": reply.text})
        speed = f"{reply.completion_tokens} tokens, {reply.tokens_per_second:.0f} tokens/s"
        out.print(f"[dim]{speed}, first token after {reply.first_token_seconds * 1000:.0f} ms[/]", highlight=False)


def show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
