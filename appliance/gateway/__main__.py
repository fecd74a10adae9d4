"""`python -m appliance.gateway`: the gateway on its unix socket, until SIGTERM; running requests get their grace."""

import sys

import uvicorn

from appliance.base.errors import SetupError
from appliance.base.listening import listen_at
from appliance.base.logs import configure, get_logger
from appliance.base.settings import Settings, load_settings
from appliance.gateway.app import Gateway
from appliance.gateway.client_connection import ClientConnection
from appliance.gateway.parts import build_parts

KEEP_ALIVE_SECONDS = 75


def serve(settings: Settings) -> None:
    settings.paths.ensure()
    config = uvicorn.Config(
        Gateway(build_parts(settings)),
        **listen_at(settings, socket=settings.paths.gateway_socket),
        loop="uvloop",
        http=ClientConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.engines.drain_seconds),
        backlog=2048,
    )
    uvicorn.Server(config).run()


def main() -> int:
    try:
        settings = load_settings()
        configure(service="gateway", level=settings.log_level)
        serve(settings)
    except SetupError as error:
        configure(service="gateway")
        get_logger(__name__).error("gateway_not_started", problem=error.message, hint=error.hint)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
