"""What could not be read of a segment: told row by row up to a limit, then counted.

No message holds a value of a row.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from audience_sdk.errors import VALUE_MISFIT, CixError, ErrorCode

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

SHOWN = 5
"""So many rows are told one by one, per partition and kind of error or per column; the others are counted."""


class SegmentReport:
    """Collects and logs what could not be read of one segment.

    Args:
        segment: The segment's name.
        logger: Where the messages go.
        raise_errors: Whether to raise the first error instead of going on, as a connection test does.

    Attributes:
        segment: The segment's name.
    """

    def __init__(self, segment: str, logger: logging.Logger, *, raise_errors: bool = False) -> None:
        self.segment = segment
        self._logger = logger
        self._raise_errors = raise_errors
        self._partitions_lost = 0
        self._rows_lost = 0
        self._bad_rows: Counter[tuple[ErrorCode, str]] = Counter()
        self._odd_values: Counter[str] = Counter()

    @property
    def raises_errors(self) -> bool:
        """Whether the first error is raised: then it is a connection test, which needs some rows only."""
        return self._raise_errors

    @property
    def complete(self) -> bool:
        """Whether every row of the segment has been read."""
        return not self._partitions_lost and not self._rows_lost and not self._bad_rows

    @property
    def losses(self) -> str:
        """What was lost, in words."""
        rows = self._rows_lost + sum(self._bad_rows.values())
        losses = ((rows, "row"), (self._partitions_lost, "partition"))
        return " and ".join(f"{count:,} {noun}{'s' * (count != 1)}" for count, noun in losses if count)

    def partition_lost(self, partition: str, error: CixError) -> None:
        """Report a partition that could not be read, or not to its end.

        Args:
            partition: The partition's name.
            error: Why; its message is a clause about the partition.

        Raises:
            CixError: In a connection test.
        """
        self._partitions_lost += 1
        self._error(error.code, f"Segment {self.segment}, partition {partition}: {error.message}", error.action)

    def rows_lost(self, count: int, partition: str, error: CixError) -> None:
        """Report rows that are missing, where it is only known how many.

        Args:
            count: How many.
            partition: The partition's name, or that of the table.
            error: Why; its message is a clause about the partition.

        Raises:
            CixError: In a connection test.
        """
        self._rows_lost += count
        self._error(error.code, f"Segment {self.segment}, partition {partition}: {error.message}", error.action)

    def bad_row(self, code: ErrorCode, partition: str, row: int, what: str) -> None:
        """Report a row that could not be read and is not sent.

        Args:
            code: The kind of error.
            partition: The partition's name.
            row: The row's number as a spreadsheet counts, from 1 and with the header.
            what: What is wrong with it, without any of its values.

        Raises:
            CixError: In a connection test.
        """
        self._bad_rows[code, partition] += 1
        if self._bad_rows[code, partition] <= SHOWN:
            self._error(code, f"Segment {self.segment}, partition {partition}, row {row}: {what}")

    def odd_values(self, partition: str, rows: Sequence[int], column: str, what: str) -> None:
        """Report values that are sent as null, or are null where they should not be.

        Args:
            partition: The partition's name.
            rows: The numbers of the rows.
            column: The column's name.
            what: What is wrong with the values, as the end of a sentence.
        """
        for row in rows[: max(0, SHOWN - self._odd_values[column])]:
            message = f"Segment {self.segment}, partition {partition}, row {row}: the value of {column} {what}."
            self._logger.warning("%s", CixError(VALUE_MISFIT, message), extra={"code": VALUE_MISFIT.code})
        self._odd_values[column] += len(rows)

    def close(self) -> None:
        """Log the counts of what was not told one by one."""
        for (code, partition), count in self._bad_rows.items():
            if count > SHOWN:
                message = f"Segment {self.segment}, partition {partition}: {count:,} such rows in all."
                self._logger.error("%s: %s", code.code, message, extra={"code": code.code})
        for column, count in self._odd_values.items():
            if count > SHOWN:
                message = f"Segment {self.segment}: {count:,} such values of {column} in all."
                self._logger.warning("%s: %s", VALUE_MISFIT.code, message, extra={"code": VALUE_MISFIT.code})

    def _error(self, code: ErrorCode, message: str, action: str | None = None) -> None:
        error = CixError(code, message, action)
        if self._raise_errors:
            raise error
        self._logger.error("%s", error, extra={"code": code.code})
