"""`ResponseStore` over HTTP: the control plane's `/api/v1/stored-responses`, in the name of the key that asks."""

import json
from typing import Any
from urllib.parse import quote

import httpx
from pydantic_core import to_json

from appliance.base.contracts.snapshot import SnapshotKey
from appliance.base.errors import NotFound
from appliance.gateway.json_objects import as_list, parse_object
from appliance.gateway.wire.forward import ControlPlane, away
from appliance.gateway.wire.response_store import FinishedResponse

PATH = "/api/v1/stored-responses"
MOST_CHAIN_BYTES = 64 * 1024 * 1024


class StoredResponses:
    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane

    async def chain(self, response_id: str, *, key: SnapshotKey, request_id: str) -> list[dict[str, Any]]:
        target = f"{PATH}/{quote(response_id, safe='')}/chain"
        request = self._control_plane.request("GET", target, key=key, request_id=request_id)
        status, content = await self._answer(request)
        if status in (400, 404):
            raise NotFound(
                f"There is no stored response '{response_id[:80]}'.",
                hint="Responses are kept for 30 days, unless `store` was false.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        items = as_list(parse_object(content).get("items")) if status == 200 else None
        if items is None:
            raise away()
        return items

    async def put(self, response: FinishedResponse, *, key: SnapshotKey, request_id: str) -> None:
        request = self._control_plane.request("PUT", f"{PATH}/{response.id}", key=key, request_id=request_id)
        body = to_json(
            {"body": response.body, "input_items": response.input_items, "previous_id": response.previous_id}
        )
        request.headers.update({"content-type": "application/json", "content-length": str(len(body))})
        request.stream = httpx.ByteStream(body)
        status, _ = await self._answer(request)
        if status != 200:
            raise away()

    async def _answer(self, request: httpx.Request) -> tuple[int, bytes]:
        answer = await self._control_plane.send(request)
        try:
            return answer.status_code, await answer.aread()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            raise away() from error
        finally:
            await answer.aclose()
