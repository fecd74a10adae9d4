"""Requests wait for their turn; liveness does not."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from control_plane.api.limits import LIVENESS, Turns


class SlowApplication:
    """Stays in each request until it is let go; counts how many are in at once."""

    def __init__(self) -> None:
        self.inside = 0
        self.most_inside = 0
        self.entered = asyncio.Queue[str]()
        self.let_go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.put_nowait(scope["path"])
        await self.let_go.wait()
        self.inside -= 1


async def nothing_comes() -> Message:
    return {"type": "http.disconnect"}


async def nobody_listens(message: Message) -> None:
    del message


async def test_no_more_are_at_work_than_there_are_turns() -> None:
    slow = SlowApplication()
    turns = Turns(slow, most=2)

    def ask(path: str) -> asyncio.Task[None]:
        return asyncio.create_task(turns({"type": "http", "path": path}, nothing_comes, nobody_listens))

    requests = [ask(f"/{number}") for number in range(6)]
    assert {await slow.entered.get(), await slow.entered.get()} == {"/0", "/1"}
    liveness = ask(LIVENESS)
    assert await slow.entered.get() == LIVENESS
    assert slow.most_inside == 3
    slow.let_go.set()
    await asyncio.gather(*requests, liveness)
    assert slow.entered.qsize() == 4
    assert slow.most_inside == 3
