"""`python -m appliance.agent`: one per node, until SIGTERM."""

import asyncio
import signal
import sys

from appliance.agent.loops import Agent
from appliance.base.box import read_box
from appliance.base.errors import SetupError
from appliance.base.logs import configure, get_logger
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings, load_settings


async def serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    home = settings.paths
    agent = Agent(settings, box=read_box(home), token=read_secret(home, Secret.NODE_TOKEN))
    get_logger(__name__).info("agent_started")
    await agent.run(stop)


def main() -> int:
    try:
        settings = load_settings()
        configure(service="agent", level=settings.log_level)
        settings.paths.ensure()
        asyncio.run(serve(settings))
    except SetupError as error:
        configure(service="agent")
        get_logger(__name__).error("agent_not_started", problem=error.message, hint=error.hint)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
