"""The sandbox's clock: the machine's time plus what tests have moved it forward."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from cix_sandbox.store import read_meta, write_meta

if TYPE_CHECKING:
    import sqlite3

_KEY = "clock_offset_seconds"


class Clock:
    """Time as the stand-ins see it; the offset is kept in the store and survives a restart."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read the offset from the store."""
        self._connection = connection
        self._offset = float(read_meta(connection, _KEY) or 0)

    def now(self) -> datetime:
        """Return the time now, in UTC."""
        return datetime.now(timezone.utc) + timedelta(seconds=self._offset)

    def advance(self, seconds: float) -> None:
        """Move the time forward by a number of seconds."""
        self._set(self._offset + seconds)

    def reset(self) -> None:
        """Go back to the machine's time."""
        self._set(0)

    def _set(self, offset: float) -> None:
        self._offset = offset
        write_meta(self._connection, _KEY, str(offset))
