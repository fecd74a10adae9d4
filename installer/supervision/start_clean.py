"""Ends what an earlier run of this service left behind, then becomes the service: `python -m ... program arguments`.

For a service whose children outlive it when it is killed (Ray's raylet, its workers, their engines). The supervisor
starts this instead of the program; it replaces itself, so the process id stays the program's.
"""

import os
import sys

from appliance.base.child_env import HOME_MARK, SERVICE_MARK
from installer.supervision.strays import end, marked_processes

GRACE_SECONDS = 3.0


def main() -> None:
    left_behind = marked_processes(os.environ[HOME_MARK], service=os.environ[SERVICE_MARK])
    if left_behind:
        end(left_behind, grace_seconds=GRACE_SECONDS)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  the program and its arguments come from the service table


if __name__ == "__main__":
    main()
