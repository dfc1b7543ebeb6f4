"""The budget of an application's requests: so many in a second and so many in a day, for all processes together."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from audience_sdk.errors import QUOTA_SPENT, CixError
from audience_sdk.ledger.database import clear_errors, connect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from pyrate_limiter import Limiter


class DailyQuota:
    """Requests of a day in UTC, counted in a file. Safe to use from threads and processes.

    Args:
        path: The file; made with mode 0600 if it does not exist.
        per_day: Requests in a day.
    """

    def __init__(self, path: Path, per_day: int) -> None:
        self.per_day = per_day
        self._path = path
        with self._open() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS days (day TEXT PRIMARY KEY, used INTEGER NOT NULL)")
            connection.execute("DELETE FROM days WHERE day < ?", (_today(),))

    def take(self) -> None:
        """Count one request.

        Raises:
            CixError: `QUOTA_SPENT` if the day has none left.
        """
        count = """INSERT INTO days VALUES (:day, 1)
            ON CONFLICT (day) DO UPDATE SET used = used + 1 WHERE used < :most"""
        with self._open() as connection:
            counted = connection.execute(count, {"day": _today(), "most": self.per_day}).rowcount
        if not counted:
            message = f"The {self.per_day} requests of today (`requests_per_day`) are spent; they reset at 00:00 UTC."
            raise CixError(QUOTA_SPENT, message)

    def left(self) -> int:
        """Return how many requests are left today, as far as this machine has counted."""
        with self._open() as connection:
            row = connection.execute("SELECT used FROM days WHERE day = ?", (_today(),)).fetchone()
        return max(0, self.per_day - (row[0] if row else 0))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # A count that a power cut takes back costs nothing but a refusal by the platform.
        with clear_errors(self._path), closing(connect(self._path, synchronous="OFF")) as connection:
            yield connection


@dataclass(frozen=True)
class Budget:
    """What every request is taken from.

    Attributes:
        pace: Makes a request wait until its second comes.
        quota: Counts it against the day, where the platform has a daily bound.
    """

    pace: Limiter
    quota: DailyQuota | None = None

    def try_acquire(self, name: str) -> object:
        """Wait until a request may be sent, and count it.

        Args:
            name: What it is counted as.

        Raises:
            CixError: `QUOTA_SPENT` if the day has none left.
        """
        if self.quota is not None:
            self.quota.take()
        return self.pace.try_acquire(name)

    def left(self) -> int | None:
        """Return how many requests are left today, where there is a daily bound."""
        return None if self.quota is None else self.quota.left()


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()
