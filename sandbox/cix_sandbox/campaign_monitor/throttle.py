"""Rate limits: counting within fixed windows of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3


class Usage(NamedTuple):
    """What is left of a window after a hit.

    Attributes:
        allowed: Whether the hit was within the limit.
        remaining: Further hits that the window grants.
        reset: Seconds until the window ends.
    """

    allowed: bool
    remaining: int
    reset: int


def hit(connection: sqlite3.Connection, name: str, *, limit: int, seconds: int, now: int) -> Usage:
    """Count one hit on a name.

    Args:
        connection: The store.
        name: What is counted, such as a credential or an address on a list.
        limit: Hits per window.
        seconds: Length of a window.
        now: The time, in whole seconds since 1970.
    """
    row = connection.execute("SELECT started, used FROM cm_window WHERE name = ?", (name,)).fetchone()
    started, used = (now, 0) if row is None or row[0] + seconds <= now else tuple(row)
    used += 1
    connection.execute("INSERT OR REPLACE INTO cm_window VALUES (?, ?, ?)", (name, started, used))
    return Usage(used <= limit, max(limit - used, 0), started + seconds - now)
