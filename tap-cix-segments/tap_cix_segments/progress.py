"""Says how far the reading of a segment is."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Logs a line every few seconds, and one at the end.

    Args:
        segment: The segment's name.
        logger: Where the lines go.
    """

    def __init__(self, segment: str, logger: logging.Logger) -> None:
        self._segment = segment
        self._logger = logger
        self._rows = 0
        self._started = self._said = monotonic()

    def advance(self, rows: int, share: float | None) -> None:
        """Count rows, and say so if it is time.

        Args:
            rows: Rows since the last call.
            share: How much of the segment has been read, from 0 to 1; None if not known.
        """
        self._rows += rows
        if monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = monotonic()
            known = "" if share is None else f", {share:.0%}"
            self._logger.info("%s: %s rows%s, %s", self._segment, f"{self._rows:,}", known, self._rate())

    def end(self, *, complete: bool) -> None:
        """Say how the reading ended.

        Args:
            complete: Whether every row has been read.
        """
        if not complete:
            self._logger.warning("%s: %s rows sent, not read to its end", self._segment, f"{self._rows:,}")
        elif self._rows:
            self._logger.info("%s: %s rows, read to its end, %s", self._segment, f"{self._rows:,}", self._rate())
        else:
            self._logger.info("%s: empty, read to its end", self._segment)

    def _rate(self) -> str:
        return f"{self._rows / max(monotonic() - self._started, 0.001):,.0f} rows/s"
