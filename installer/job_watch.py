"""A job as a person at the terminal sees it: waited for, with a line of progress. It belongs to the appliance."""

import time
from typing import TYPE_CHECKING, cast

from rich.markup import escape

from appliance.base.errors import SetupError
from installer.terminal import err

if TYPE_CHECKING:
    from installer.admin_client import AdminClient, JsonObject

GIB = 1024**3
POLL_SECONDS = 1.0
ENDED = ("succeeded", "failed", "cancelled")


def watch(api: "AdminClient", job_id: str, *, quiet: bool) -> "JsonObject":
    """Until the job ends; Ctrl-C leaves it running, as it belongs to the appliance."""
    from rich.status import Status  # noqa: PLC0415  rich's live display loads slowly

    try:
        with Status("waiting for a worker", console=err) as shown:
            while (job := api.get(f"/jobs/{job_id}"))["state"] not in ENDED:
                if not quiet:
                    shown.update(escape(progress_line(cast("JsonObject", job.get("progress") or {}))))
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        err.print(f"The job goes on. `appliance jobs show {job_id}` looks at it, `appliance jobs cancel` ends it.")
        raise
    return job


def failure(job: "JsonObject") -> SetupError:
    error = cast("JsonObject", job.get("error") or {})
    code = cast("str | None", error.get("code"))
    return SetupError(
        str(error.get("message") or f"The job was {job['state']}."),
        hint=cast("str | None", error.get("hint")),
        code=code,
    )


def progress_line(progress: "JsonObject") -> str:
    if not progress:
        return "waiting for a worker"
    done, total = int(progress.get("done_bytes") or 0), int(progress.get("total_bytes") or 0)
    parts = [f"{gib(done)} of {gib(total)}" if total else gib(done)]
    if speed := float(progress.get("bytes_per_second") or 0):
        parts.append(f"{speed / 1e6:.0f} MB/s")
    if (left := progress.get("seconds_left")) is not None:
        parts.append(f"{duration(float(left))} left")
    return ", ".join([*parts, str(progress.get("note") or progress.get("file") or "")])


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{rest:02} min"


def gib(n_bytes: int) -> str:
    return f"{n_bytes / GIB:.2f} GiB"
