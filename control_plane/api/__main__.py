"""`python -m control_plane.api`: the admin API on its unix socket."""

import sys

import uvicorn

from appliance.base import logs
from appliance.base.errors import ApplianceError
from appliance.base.listening import listen_at
from appliance.base.settings import load_settings
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
        forwarded_allow_ips="*",  # whoever reaches this 0700 socket is the front door, which sets the headers itself
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
