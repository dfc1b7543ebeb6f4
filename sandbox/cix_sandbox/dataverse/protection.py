"""Service protection: what one user may ask of the Web API in five minutes.

Limits and codes: https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cix_sandbox.dataverse.errors import TOO_MANY_AT_A_TIME, TOO_MANY_REQUESTS, TOO_MUCH_TIME, throttled
from cix_sandbox.dataverse.switches import NAME

if TYPE_CHECKING:
    import sqlite3

    from cix_sandbox.switches import Switches

WINDOW_SECONDS = 300
_IMPATIENCE_SECONDS = 1
"""How much longer a block lasts for every request that is sent while it lasts."""


class Protection:
    """Counts requests, their execution time and how many there are at a time; the counts survive a restart."""

    def __init__(self, connection: sqlite3.Connection, switches: Switches) -> None:
        """Protect one environment."""
        self._connection = connection
        self._switches = switches
        self._running: Counter[str] = Counter()

    def begin(self, user: str, now: float) -> None:
        """Let a request in.

        Args:
            user: Whose request it is.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            Refusal: A limit is reached.
        """
        self._connection.execute("DELETE FROM dv_requests WHERE at <= ?", (now - WINDOW_SECONDS,))
        self._refuse_blocked(user, now)
        most = self._limit("concurrent_requests")
        if most and self._running[user] >= most:
            raise throttled(TOO_MANY_AT_A_TIME, 1)
        count, seconds, oldest = self._used(user, now)
        if count >= self._limit("requests_per_window") > 0:
            raise self._block(user, oldest + WINDOW_SECONDS, now, TOO_MANY_REQUESTS)
        if seconds >= self._limit("combined_seconds") > 0:
            raise self._block(user, oldest + WINDOW_SECONDS, now, TOO_MUCH_TIME)
        self._connection.execute("INSERT INTO dv_requests VALUES (?, ?, 0)", (user, now))
        self._running[user] += 1

    def end(self, user: str, began: float, seconds: float) -> None:
        """Count what a request took, in seconds of execution time."""
        self._running[user] -= 1
        self._connection.execute("UPDATE dv_requests SET seconds = ? WHERE user = ? AND at = ?", (seconds, user, began))

    def headers(self, user: str, now: float) -> dict[str, str]:
        """Return the headers that say how much is left."""
        count, seconds, _ = self._used(user, now)
        left = {}
        if most := self._limit("requests_per_window"):
            left["x-ms-ratelimit-burst-remaining-xrm-requests"] = str(int(max(most - count, 0)))
        if most := self._limit("combined_seconds"):
            left["x-ms-ratelimit-time-remaining-xrm-requests"] = f"{max(most - seconds, 0):,.2f}"
        return left

    def _used(self, user: str, now: float) -> tuple[int, float, float]:
        count, seconds, oldest = self._connection.execute(
            "SELECT count(*), total(seconds), min(at) FROM dv_requests WHERE user = ? AND at > ?",
            (user, now - WINDOW_SECONDS),
        ).fetchone()
        return count, seconds, now if oldest is None else oldest

    def _refuse_blocked(self, user: str, now: float) -> None:
        row = self._connection.execute("SELECT until, code FROM dv_blocks WHERE user = ?", (user,)).fetchone()
        if row is not None and row["until"] > now:
            raise self._block(user, row["until"] + _IMPATIENCE_SECONDS, now, row["code"])

    def _block(self, user: str, until: float, now: float, code: str) -> Exception:
        self._connection.execute("INSERT OR REPLACE INTO dv_blocks VALUES (?, ?, ?)", (user, until, code))
        return throttled(code, until - now)

    def _limit(self, name: str) -> float:
        return self._switches.number(f"{NAME}.{name}")
