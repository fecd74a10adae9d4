"""`python -m control_plane.worker`: the worker, in the foreground, until SIGTERM."""

import os

from appliance.base.logs import configure
from appliance.base.settings import load_settings
from control_plane.worker.app import make_worker
from control_plane.worker.kinds import JOB_KINDS
from control_plane.worker.run import run_worker


def main() -> None:
    settings = load_settings()
    os.umask(0o077)
    configure(service="worker", level=settings.log_level)
    run_worker(make_worker(settings, kinds=JOB_KINDS))


if __name__ == "__main__":
    main()
