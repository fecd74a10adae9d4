"""Several questions to a tool at once: each may take the World's whole limit, and the vendor as a whole has one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from appliance.hardware.inventory import Problem
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


def printed(answer: Answer) -> str:
    """An answer that can be done without (`unanswered` tells of it): nothing where there is none."""
    return answer if isinstance(answer, str) else ""


def unanswered(answer: Answer, question: str, *, vendor: str, hint: str, costs: str = "") -> tuple[Problem, ...]:
    """A Problem where there is no answer; `costs` says what is not known for it."""
    if isinstance(answer, str):
        return ()
    return (Problem(vendor=vendor, message=f"{question}: {answer} {costs}".rstrip(), hint=hint),)
