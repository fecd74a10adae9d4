"""Several questions to a tool at once: each may take the World's whole limit, and the vendor as a whole has one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from appliance.hardware.world import VendorFailed, World

Answer = str | VendorFailed


def ask_together(world: World, tool: str, *questions: Sequence[str], folders: Sequence[str] = ()) -> tuple[Answer, ...]:
    """One answer per question, each what the tool printed or why it did not."""

    def ask(arguments: Sequence[str]) -> Answer:
        try:
            return world.tool(tool, *arguments, folders=folders)
        except VendorFailed as error:
            return error

    with ThreadPoolExecutor(max_workers=max(1, len(questions))) as pool:
        return tuple(pool.map(ask, questions))


def needed(answer: Answer) -> str:
    """An answer without which there is nothing to say."""
    if isinstance(answer, VendorFailed):
        raise answer
    return answer
