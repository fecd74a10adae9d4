"""How a pool child learns that its worker is going down: the other end of a pipe closes.

The worker's main process holds the write end and closes it when it begins to shut down. (When it is killed, Celery
has the kernel kill the children too, and the lease brings the job back.)
"""

import os
import select


class StopPipe:
    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def close(self) -> None:
        """In the main process: tell every child to stop. In a child, right after the fork: keep the read end only."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def requested(self) -> bool:
        return self.wait(0.0)

    def wait(self, seconds: float) -> bool:
        """Whether we are to stop, after at most `seconds`."""
        readable, _, _ = select.select([self.reader], [], [], seconds)
        return bool(readable)
