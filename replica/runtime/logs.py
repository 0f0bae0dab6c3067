"""Structured logs: one JSON object a line, or coloured text on a terminal; always to stderr."""

from __future__ import annotations

import contextlib
import io
import logging
import sys

import structlog

LEVELS = ("debug", "info", "warning", "error")


class _Sink(io.StringIO):
    """Standard error. If its reader is gone, lines are dropped, and the node keeps running."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


_ERRORS_OF_CALLERS = ("aiohttp.http_exceptions", "aiohttp.web_protocol")
"""The modules of aiohttp's errors about requests. Their names stand here, because a simulation imports no HTTP."""


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """False for requests that are not HTTP: the caller got an error, and a traceback in the log helps nobody.

    After its answer to a body that it cannot decode, aiohttp reads on, and would log that it still cannot.
    """
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__module__ not in _ERRORS_OF_CALLERS


def configure_logs(level: str, **context: str) -> None:
    """Set logging up for this process. Every line contains `context`."""
    threshold = getattr(logging, level.upper())
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(_Sink()),
    )
    structlog.contextvars.bind_contextvars(**context)
    if threshold > logging.DEBUG:
        logging.getLogger("aiohttp.server").addFilter(_is_worth_a_line)
    logging.basicConfig(stream=sys.stderr, level=max(threshold, logging.WARNING), format="%(name)s: %(message)s")
