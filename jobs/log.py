"""Logs: one event a line on stderr, as text or JSON. Values are quoted, so no name can forge a line."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from jobs.run import clock

LOGGER = logging.getLogger("uda")


def event(name: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event, as in `event("merged", table="backups", rows=12)`."""
    LOGGER.log(level, name, extra={"fields": fields})


def warn(name: str, **fields: Any) -> None:
    """Log an event that somebody should act on; `todo` says how."""
    event(name, logging.WARNING, **fields)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={_quoted(value)}" for key, value in getattr(record, "fields", {}).items())
        return f"{clock():%H:%M:%S} {record.levelname.lower():7} {record.getMessage()} {fields}".rstrip()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"at": f"{clock():%Y-%m-%dT%H:%M:%SZ}", "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(line | getattr(record, "fields", {}), default=str)


def _quoted(value: Any) -> str:
    text = str(value)
    is_plain = text.isascii() and text.isprintable() and text and not set(text) & set(' "=')
    return text if is_plain else json.dumps(text)


def set_up_logging(style: str) -> None:
    """Send events to stderr, `style` being text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
