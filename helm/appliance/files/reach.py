"""`helm test`: API and gateway answer, a stranger is refused, and one served model says something.

Runs in the appliance's image, on the standard library: `reach.py <api url> <gateway url> <file with an API key>`.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 120


def main(api: str, gateway: str, key_file: str) -> None:
    key = Path(key_file).read_text().strip()
    for name, url in (("control plane", api), ("gateway", gateway)):
        expect(name, call(f"{url}/healthz")[0], 200)
    expect("gateway without a key", call(f"{gateway}/v1/models")[0], 401)
    status, models = call(f"{gateway}/v1/models", key=key)
    expect("list of models", status, 200)
    names = [model["id"] for model in models["data"]]
    say(f"models: {', '.join(names) or 'none is served yet'}")
    if names:
        expect("first answer", ask(gateway, key=key, models=names), 200)


def ask(gateway: str, *, key: str, models: list[str]) -> int:
    """The status of one chat completion, by the first model that chats (embedding models answer 4xx to a chat)."""
    status = 404
    for model in models:
        body = {"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": "Who are you?"}]}
        status = call(f"{gateway}/v1/chat/completions", key=key, body=body)[0]
        if status == 200:
            break
    return status


def call(url: str, *, key: str | None = None, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(url, data=json.dumps(body).encode() if body else None, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  addresses of this release
            content = answer.read()
            return answer.status, json.loads(content) if content.startswith(b"{") else content
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError as error:
        raise SystemExit(f"{url}: {error}") from error


def expect(what: str, status: int, wanted: int) -> None:
    if status != wanted:
        raise SystemExit(f"{what}: HTTP {status}, expected {wanted}")
    say(f"{what}: HTTP {status}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
