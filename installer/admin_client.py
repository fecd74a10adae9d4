"""The admin API as the command line sees it: over the unix socket, with the 0600 token of the home."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, cast

import httpx

from appliance.base.errors import ApplianceError, SetupError
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, read_secret

TIMEOUT_SECONDS = 30.0
JsonObject = dict[str, Any]


class Refused(ApplianceError):
    """What the API answered instead of doing it; its message is already meant for a person."""

    code = "refused"


class AdminClient:
    """One session of calls; raises SetupError when the API does not answer, Refused when it says no."""

    def __init__(self, home: Home, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.home = home
        self.client = httpx.Client(
            base_url="http://appliance",
            transport=httpx.HTTPTransport(uds=str(home.api_socket)),
            headers={"Authorization": f"Bearer {read_secret(home, Secret.ADMIN_TOKEN)}"},
            timeout=timeout_seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def get(self, path: str, **query: str | int) -> JsonObject:
        return self.call("GET", path, params=query)

    def post(self, path: str, body: JsonObject) -> JsonObject:
        return self.call("POST", path, json=body)

    def put(self, path: str, body: JsonObject) -> JsonObject:
        return self.call("PUT", path, json=body)

    def patch(self, path: str, body: JsonObject) -> JsonObject:
        return self.call("PATCH", path, json=body)

    def lines(self, path: str, **query: str | int) -> Iterator[str]:
        """An answer of JSON lines, while it comes."""
        try:
            with self.client.stream("GET", address(path), params=query) as answer:
                if not answer.is_success:
                    answer.read()
                    raise refusal(answer)
                buffered = b""
                for piece in answer.iter_bytes():
                    *whole, buffered = (buffered + piece).split(b"\n")
                    yield from (line.decode() for line in whole)
        except httpx.HTTPError as error:
            raise self.away(error) from error

    def delete(self, path: str, **query: str) -> JsonObject:
        return self.call("DELETE", path, params=query)

    def every(self, path: str, **query: str | int) -> list[JsonObject]:
        """All items of a list, page by page."""
        items: list[JsonObject] = []
        page = self.get(path, **query)
        items += page["data"]
        while page.get("has_more"):
            page = self.get(path, **query, after=page["last_id"])
            items += page["data"]
        return items

    def call(self, method: str, path: str, **options: Any) -> JsonObject:
        try:
            answer = self.client.request(method, address(path), **options)
        except httpx.HTTPError as error:
            raise self.away(error) from error
        if answer.is_success:
            return cast("JsonObject", answer.json()) if answer.content else {}
        raise refusal(answer)

    def away(self, error: httpx.HTTPError) -> SetupError:
        return SetupError(
            f"The admin API of {self.home.root} does not answer ({type(error).__name__}).",
            hint="See `appliance status`; `appliance up` starts what is down.",
        )


def address(path: str) -> str:
    """Paths are under `/api/v1`, but for those of OpenAI's admin API."""
    return path if path.startswith("/v1/organization") else f"/api/v1{path}"


def refusal(answer: httpx.Response) -> Refused:
    """The message of OpenAI's envelope, or the bare status where something else answered."""
    try:
        error = answer.json()["error"]
        return Refused(str(error["message"]), code=error.get("code"), param=error.get("param"))
    except (ValueError, KeyError, TypeError):
        return Refused(f"The admin API answered HTTP {answer.status_code}.", hint="See `appliance logs api`.")
