"""Reading a sample back: does the platform hold what it has confirmed?"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from audience_sdk.cli import log_unexpected
from audience_sdk.errors import UNEXPECTED, VALUE_NOT_KEPT, CixError

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from audience_sdk.contact import StagedRow
    from audience_sdk.destination import Destination
    from audience_sdk.report import Report


class Sample:
    """A few rows, spread evenly over what a run sends.

    Args:
        size: Most rows.
        writes: How many rows are to be sent.

    Attributes:
        rows: Those that were confirmed, by the platform's id of the list.
    """

    def __init__(self, size: int, writes: int) -> None:
        self.rows: defaultdict[str, list[StagedRow]] = defaultdict(list)
        self._size = min(size, writes)
        self._writes = writes
        self._seen = 0

    def picks(self, count: int) -> set[int]:
        """Return the positions of the rows to keep among the next ones that are sent.

        Args:
            count: How many rows are sent.
        """
        before, self._seen = self._seen, self._seen + count
        if not self._size:
            return set()
        numbers = range(before * self._size // self._writes, self._seen * self._size // self._writes)
        return {-(-(number + 1) * self._writes // self._size) - 1 - before for number in numbers}

    def put_back(self, count: int) -> None:
        """Note that rows are to be sent once more, in smaller batches.

        Args:
            count: How many.
        """
        self._seen -= count


def read_back(
    destination: Destination, rows: Mapping[str, list[StagedRow]], report: Report, logger: logging.Logger
) -> None:
    """Read the sample back and warn of what the platform did not keep; whatever happens, the run has succeeded.

    Args:
        destination: The platform.
        rows: The sampled rows by list.
        report: Gets a warning for each kind of difference.
        logger: Where it is told.
    """
    for list_id, sampled in rows.items():
        try:
            differences = Counter(destination.read_back(list_id, sampled))
        except CixError as error:
            report.warn(f"{VALUE_NOT_KEPT.code}: no sample could be read back ({error.code.code}).", len(sampled))
            logger.warning("List %s: no sample could be read back: %s", list_id, error)
            continue
        except Exception as error:  # noqa: BLE001 - an answer that nobody has thought of must not cost the run
            report.warn(f"{VALUE_NOT_KEPT.code}: no sample could be read back ({UNEXPECTED.code}).", len(sampled))
            log_unexpected(logger, error)
            continue
        for text, count in differences.items():
            line = f"{VALUE_NOT_KEPT.code}: of {len(sampled)} people read back, {text}"
            report.warn(line, count)
            logger.warning("List %s: %s (%d). What to do: %s", list_id, line, count, VALUE_NOT_KEPT.action)
