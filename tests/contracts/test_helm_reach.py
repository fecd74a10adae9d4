"""The script that `helm test` runs, against a small API and gateway on loopback."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

REACH = Path(__file__).resolve().parents[2] / "helm" / "appliance" / "files" / "reach.py"
KEY = "sk-ts-key"


@dataclass
class FakeBox:
    """API and gateway in one; `models` are served, only those in `chatting` answer a chat."""

    url: str = ""
    key: str | None = KEY
    models: tuple[str, ...] = ("all-minilm-l6-v2", "sails-guide")
    chatting: tuple[str, ...] = ("sails-guide",)

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def list_models(self, request: web.Request) -> web.Response:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {}}, status=401)
        return web.json_response({"object": "list", "data": [{"id": name} for name in self.models]})

    async def chat(self, request: web.Request) -> web.Response:
        model = (await request.json())["model"]
        return web.json_response({"choices": []}, status=200 if model in self.chatting else 400)


@pytest.fixture
async def box() -> AsyncIterator[FakeBox]:
    box = FakeBox()
    app = web.Application()
    app.router.add_get("/healthz", box.health)
    app.router.add_get("/v1/models", box.list_models)
    app.router.add_post("/v1/chat/completions", box.chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    box.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield box
    await runner.cleanup()


async def reach(box: FakeBox, *, folder: Path) -> tuple[int | None, str]:
    key_file = folder / "key"
    key_file.write_text(f"{KEY}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(REACH), box.url, box.url, str(key_file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_a_whole_release_passes(box: FakeBox, tmp_path: Path) -> None:
    code, output = await reach(box, folder=tmp_path)
    assert code == 0, output
    assert "models: all-minilm-l6-v2, sails-guide" in output
    assert "first answer: HTTP 200" in output


async def test_a_release_with_no_model_yet_passes_and_says_so(box: FakeBox, tmp_path: Path) -> None:
    box.models = ()
    code, output = await reach(box, folder=tmp_path)
    assert code == 0, output
    assert "none is served yet" in output


async def test_a_model_that_does_not_answer_fails(box: FakeBox, tmp_path: Path) -> None:
    box.chatting = ()
    code, output = await reach(box, folder=tmp_path)
    assert code == 1
    assert "first answer: HTTP 400, expected 200" in output


async def test_a_gateway_that_asks_for_no_key_fails(box: FakeBox, tmp_path: Path) -> None:
    box.key = None
    code, output = await reach(box, folder=tmp_path)
    assert code == 1
    assert "gateway without a key: HTTP 200, expected 401" in output


async def test_nothing_there_is_a_sentence(box: FakeBox, tmp_path: Path) -> None:
    box.url = "http://127.0.0.1:9"
    code, output = await reach(box, folder=tmp_path)
    assert code == 1
    assert "Connection refused" in output
    assert "Traceback" not in output
