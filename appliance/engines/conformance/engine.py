"""The engine under test: started from its pack, asked over its socket, ended."""

import http.client
import json
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.base.clock import monotonic
from appliance.engines.launch import LaunchValues, engine_command
from appliance.engines.pack import EnginePack
from appliance.engines.probe import EngineLoad, is_healthy, read_load
from appliance.engines.process import EngineProcess, start_process

MODEL = "under-test"
MAX_MODEL_LEN = 1024
KV_CACHE_BYTES = 256 * 1024 * 1024
START_SECONDS = 600.0
ANSWER_SECONDS = 120.0
POLL_SECONDS = 0.1
CHAT = "/v1/chat/completions"

Document = dict[str, Any]


class CheckFailed(Exception):
    """The engine did not do what every pack must do; `str(error)` says what was seen."""


@dataclass(frozen=True)
class Answer:
    status: int
    document: Document

    @property
    def text(self) -> str:
        return str(self.document["choices"][0]["message"]["content"])

    @property
    def finish_reason(self) -> str:
        return str(self.document["choices"][0]["finish_reason"])


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=ANSWER_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass
class EngineUnderTest:
    """`folder` holds its socket, log and cache; it is short, because the path of a socket is at most 107 characters."""

    pack: EnginePack
    python: Path
    weights: Path
    folder: Path
    quantization: str | None = None
    key_fd: int | None = None
    process: EngineProcess | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "e.sock"

    def start(self) -> float:
        """The seconds until it was healthy. Raises CheckFailed with the end of its log."""
        began = monotonic()
        self.socket.unlink(missing_ok=True)
        values = LaunchValues(
            python=self.python,
            pack=self.pack.folder,
            weights=self.weights,
            model_name=MODEL,
            socket=self.socket,
            max_model_len=MAX_MODEL_LEN,
            kv_cache_bytes=KV_CACHE_BYTES,
            cache=self.folder / "cache",
            key_fd=self.key_fd,
        )
        command = engine_command(self.pack, task="chat", values=values, extra_argv=self._flags(), marks=self._marks())
        inherited = () if self.key_fd is None else (self.key_fd,)
        log = self.folder / "engine.log"
        self.process = start_process(command, cwd=self.folder, socket=self.socket, log=log, pass_fds=inherited)
        while not is_healthy(self.socket, probe=self.pack.probe):
            if not self.process.is_running() or monotonic() - began > START_SECONDS:
                raise CheckFailed(f"The engine did not come up. The end of its log:\n{self.process.last_lines(15)}")
            time.sleep(POLL_SECONDS)
        return monotonic() - began

    def _flags(self) -> list[str]:
        adapters = self.pack.lora.argv if self.pack.lora else ()
        return [*adapters, *([f"--quantization={self.quantization}"] if self.quantization else [])]

    def _marks(self) -> dict[str, str]:
        return self.pack.lora.env if self.pack.lora else {}

    def end(self) -> None:
        if self.process:
            self.process.end()
            self.process = None

    def ask(self, question: str, **options: object) -> Answer:
        """One greedy chat answer; `options` are added to the request."""
        status, body = self.post(CHAT, {**chat(question), **options})
        try:
            return Answer(status, json.loads(body))
        except ValueError as error:
            raise CheckFailed(f"The answer with status {status} is no JSON: {body[:200]!r}.") from error

    def post(self, path: str, document: Document) -> tuple[int, bytes]:
        connection = UnixConnection(self.socket)
        try:
            connection.request("POST", path, json.dumps(document), {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise CheckFailed(f"POST {path} was not answered: {error}.") from error
        finally:
            connection.close()

    @contextmanager
    def stream(self, question: str, **options: object) -> Generator[Iterator[Document]]:
        """The chunks of a streamed answer; leaving early is what a client does that goes away."""
        connection = UnixConnection(self.socket)
        try:
            body = json.dumps({**chat(question), "stream": True, "stream_options": {"include_usage": True}, **options})
            connection.request("POST", CHAT, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise CheckFailed(f"A streamed request got {answer.status}: {answer.read()[:200]!r}.")
            yield chunks(answer)
        finally:
            connection.close()

    def load(self) -> EngineLoad:
        figures = read_load(self.socket, probe=self.pack.probe)
        if figures is None:
            raise CheckFailed(f"{self.pack.probe.metrics_path} is not answered.")
        return figures


def chat(question: str) -> Document:
    return {"model": MODEL, "messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 60}


def chunks(answer: http.client.HTTPResponse) -> Iterator[Document]:
    """Server-sent events up to `[DONE]`; raises CheckFailed where that never comes."""
    for line in answer:
        text = line.decode().strip()
        if text == "data: [DONE]":
            return
        if text.startswith("data: "):
            yield json.loads(text.removeprefix("data: "))
    raise CheckFailed("The stream ended without [DONE].")
