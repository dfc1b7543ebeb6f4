"""Rate limits: so many requests a second and a day for each application."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def take_from_second(connection: sqlite3.Connection, key: str, per_second: float, now: float) -> bool:
    """Take one request out of a token bucket, if there is one in it.

    As many requests as a second allows can come at once, the next ones at that pace.

    Args:
        connection: The store; the bucket survives a restart.
        key: Whose bucket.
        per_second: Size of the bucket and its refill per second; 0 for no limit.
        now: Seconds since 1970-01-01 UTC.
    """
    if per_second <= 0:
        return True
    row = connection.execute("SELECT level, filled_at FROM cc_buckets WHERE key = ?", (key,)).fetchone()
    level, filled_at = row or (per_second, now)
    # A clock that was set back must not leave the bucket empty for as long.
    level = min(per_second, level + max(now - filled_at, 0) * per_second)
    allowed = level >= 1
    connection.execute("INSERT OR REPLACE INTO cc_buckets VALUES (?, ?, ?)", (key, level - allowed, now))
    return allowed


def take_from_day(connection: sqlite3.Connection, client_id: str, per_day: float, now: float) -> bool:
    """Count one request of an application against its day, if the day is not spent.

    Args:
        connection: The store; the count survives a restart.
        client_id: The application.
        per_day: Requests per UTC day; 0 for no limit.
        now: Seconds since 1970-01-01 UTC.
    """
    if per_day <= 0:
        return True
    day = datetime.fromtimestamp(now, timezone.utc).date().isoformat()
    row = connection.execute("SELECT day, used FROM cc_quota WHERE client_id = ?", (client_id,)).fetchone()
    used = row["used"] if row and row["day"] == day else 0
    if used >= per_day:
        return False
    connection.execute("INSERT OR REPLACE INTO cc_quota VALUES (?, ?, ?)", (client_id, day, used + 1))
    return True
