"""How far the spool has been shipped: per gateway process the file, the offset, and the requests that have begun and
not ended.
"""

from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from appliance.base.errors import NewerFormat, SetupError
from appliance.base.files import write_atomically

CURSOR_FORMAT = 1
CURSOR_FILE = "shipped.json"


class Reserved(BaseModel):
    """What a request that never ends is counted with."""

    prompt_tokens: int
    completion_tokens: int


class Progress(BaseModel):
    """All before `offset` in file `sequence`, and all earlier files, were acknowledged."""

    sequence: int
    offset: int = 0
    running: dict[str, Reserved] = Field(default_factory=dict)

    def note(self, records: list[UsageStart | UsageEnd]) -> None:
        for record in records:
            if isinstance(record, UsageStart):
                self.running[record.request_id] = Reserved(
                    prompt_tokens=record.reserved_prompt_tokens, completion_tokens=record.reserved_completion_tokens
                )
            else:
                self.running.pop(record.request_id, None)


class Cursor(BaseModel):
    format: int = CURSOR_FORMAT
    gateways: dict[str, Progress] = Field(default_factory=dict)


def load_cursor(spool: Path) -> Cursor:
    """The saved cursor, or a fresh one: shipping twice is harmless. Raises NewerFormat, SetupError."""
    path = spool / CURSOR_FILE
    try:
        cursor = Cursor.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Cursor()
    except ValidationError as error:
        raise SetupError(
            f"{path} is damaged.", hint="Remove it; the spool is then shipped again, harmlessly."
        ) from error
    if cursor.format > CURSOR_FORMAT:
        raise NewerFormat(f"{path} has format {cursor.format}; this agent knows {CURSOR_FORMAT} and older.")
    return cursor


def save_cursor(spool: Path, *, cursor: Cursor) -> None:
    write_atomically(spool / CURSOR_FILE, cursor.model_dump_json().encode())
