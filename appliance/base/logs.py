"""Logging through structlog: JSON in services, key-value text for a person. Never a prompt, a completion or a key."""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


class SteadyStream:
    """Drops a line that cannot be written: a full disk, or a supervisor that is gone, must not stop the service."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._inner.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._inner.flush()


def configure(*, service: str, json: bool = True, level: str = "INFO") -> None:
    """Set up structlog and the standard library's logging for this process, once, at its entry point."""
    output = cast("TextIO", SteadyStream(sys.stderr))
    threshold = logging.getLevelNamesMapping()[level.upper()]

    def name_service(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """Not a context variable: threads start without those."""
        event.setdefault("service", service)
        return event

    shared: list[structlog.typing.Processor] = [
        name_service,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=output),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    stream = logging.StreamHandler(output)
    stream.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(threshold)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry `source=name` (structlog keeps the word `logger` for itself)."""
    return structlog.get_logger(source=name)
