"""HTTP to the control plane, with the node token."""

from typing import Any

import httpx

from appliance.base.errors import Unavailable
from appliance.base.settings import Settings

TIMEOUT_SECONDS = 30.0


class ControlPlaneClient:
    """`post` raises Unavailable for whatever is worth another try, which is everything: nothing here may be lost."""

    def __init__(self, settings: Settings, *, token: str) -> None:
        """On one box over the API's unix socket; in a pod at `cluster.api_url`."""
        url = settings.cluster.api_url
        self._http = httpx.AsyncClient(
            transport=None if url else httpx.AsyncHTTPTransport(uds=str(settings.paths.api_socket)),
            base_url=url or "http://control-plane",
            headers={"authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
        )

    async def post(self, path: str, *, content: bytes) -> dict[str, Any]:
        try:
            response = await self._http.post(path, content=content, headers={"content-type": "application/json"})
        except httpx.HTTPError as error:
            raise Unavailable(f"The control plane does not answer: {type(error).__name__}.") from error
        if response.status_code != 200:
            raise Unavailable(f"The control plane answered {response.status_code} to {path}: {response.text[:300]}")
        return response.json()

    async def close(self) -> None:
        await self._http.aclose()
