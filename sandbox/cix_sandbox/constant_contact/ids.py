"""Identifiers, timestamps and page cursors, in the forms that Constant Contact gives them."""

from __future__ import annotations

import base64
import binascii
import functools
import itertools
import re
import time
from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlencode

_GREGORIAN_OFFSET = 0x01B21DD213814000
_NODE = "02420a320002"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# Seeded with the time of the start: a later process can never repeat an id, because one that
# hands out an id every 100 ns does not exist.
_ticks = itertools.count(_GREGORIAN_OFFSET + time.time_ns() // 100)


def new_id() -> str:
    """Return a new identifier that looks like a version 1 UUID, as the service's do."""
    (only,) = new_ids(1)
    return only


def new_ids(count: int) -> list[str]:
    """Return new identifiers."""
    return [f"{ticks & 0xFFFFFFFF:08x}-{_later_parts(ticks >> 32)}" for ticks in itertools.islice(_ticks, count)]


@functools.lru_cache(maxsize=4)
def _later_parts(high_ticks: int) -> str:
    return f"{high_ticks & 0xFFFF:04x}-1{high_ticks >> 16 & 0x0FFF:03x}-94f6-{_NODE}"


def is_id(text: str) -> bool:
    """Say whether a text has the form of an identifier."""
    return _UUID.fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def stamp(moment: int) -> str:
    """Return a time as the API writes it: UTC, whole seconds, `Z`.

    Args:
        moment: Seconds since 1970-01-01 UTC.
    """
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float | None:
    """Read an ISO 8601 time; one without an offset is UTC.

    Returns:
        Seconds since 1970-01-01 UTC, or None when the text is no time.
    """
    try:
        # Python 3.10 does not read the Z; a blank is a + that nobody escaped.
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


def encode_cursor(query: dict[str, str], last_id: str) -> str:
    """Return the cursor of the page after `last_id`; it carries limit and filters."""
    parts = {"limit": query["limit"], "next": last_id, **query}
    return base64.b64encode(urlencode(parts).encode()).decode()


def decode_cursor(cursor: str) -> dict[str, str] | None:
    """Return the query in a cursor, with the last id as `next`, or None when it is not one."""
    try:
        text = base64.b64decode(cursor.replace(" ", "+"), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    query = dict(parse_qsl(text))
    return query if "next" in query else None
