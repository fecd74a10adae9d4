"""`python -m control_plane.api`: the admin API on its unix socket."""

import sys

import uvicorn

from appliance.base import logs
from appliance.base.errors import ApplianceError
from appliance.base.listening import listen_at
from appliance.base.settings import Settings, load_settings
from control_plane.api.application import Parts, build_application
from control_plane.api.warming import start_warming
from control_plane.database.nudge import make_redis, nudge_publisher
from control_plane.database.session import make_engine, make_session_factory

KEEP_ALIVE_SECONDS = 60
SHUTDOWN_SECONDS = 10


def main() -> int:
    try:
        settings = load_settings()
        logs.configure(service="api", level=settings.log_level)
        parts = Parts(
            settings=settings,
            session_factory=make_session_factory(make_engine(settings)),
            publish_nudge=nudge_publisher(make_redis(settings)),
        )
    except ApplianceError as error:
        sys.stderr.write(f"{error.message} {error.hint or ''}".rstrip() + "\n")
        return 1
    application = build_application(parts)
    start_warming(application)
    uvicorn.run(
        application,
        **listen_at(settings, socket=settings.paths.api_socket),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=believed(settings),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return 0


def believed(settings: Settings) -> str | list[str]:
    """Whose X-Forwarded-For counts: whoever reaches the 0700 socket is the front door, which sets the header itself; on
    TCP it is the proxies of the settings, or nobody.
    """
    return "*" if settings.cluster.listen_port is None else list(settings.http.proxies)


if __name__ == "__main__":
    sys.exit(main())
