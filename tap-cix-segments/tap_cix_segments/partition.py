"""Reads the rows of one partition, a CSV file, as its format says and as its first row shows."""

from __future__ import annotations

import csv
import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from audience_sdk.errors import (
    DELIMITER_WRONG,
    HEADER_WRONG,
    PARTITION_UNREADABLE,
    ROW_MALFORMED,
    ROW_UNDECODABLE,
    CixError,
)

from tap_cix_segments.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_cix_segments.lines import Bytes
    from tap_cix_segments.model import Partition
    from tap_cix_segments.report import SegmentReport

ROWS_PER_BLOCK = 1000
LIKELY_DELIMITERS = {",": "`,`", ";": "`;`", "\t": "a tab", "|": "`|`"}
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Rows(NamedTuple):
    """Well-formed rows of a partition.

    Attributes:
        values: The rows; each has as many texts as the segment has columns.
        numbers: Their numbers as a spreadsheet counts, from 1 and with the header.
    """

    values: list[list[str]]
    numbers: Sequence[int]


class Layout(NamedTuple):
    """What the first row of a partition shows.

    Attributes:
        order: For each column of the segment, its position in a row.
        has_header: Whether the first row is a header.
    """

    order: Sequence[int]
    has_header: bool


class PartitionReader:
    """Reads one partition.

    Args:
        file: Its bytes.
        partition: What model.json says about it.
        names: The names of the segment's columns.
        report: Is told which rows cannot be read.

    Raises:
        CixError: The partition as a whole cannot be read; the message is a clause about it.

    Attributes:
        layout: Where the columns are; None if the file is empty.
    """

    def __init__(self, file: Bytes, partition: Partition, names: Sequence[str], report: SegmentReport) -> None:
        self._partition = partition
        self._report = report
        self._width = len(names)
        try:
            self._lines = Lines(file, partition.csv_format.encoding)
            lines = iter(self._lines)
            first_line = next(lines, "")
        except (OSError, UnicodeError) as error:
            raise _unreadable(error, after_row=0) from None
        self._rows = self._parse(chain([first_line], lines) if first_line else [])
        self.layout = self._look(first_line, names)
        self._row = 1 if self.layout and self.layout.has_header else 0
        if self._row:
            next(self._rows)

    def blocks(self) -> Iterator[Rows]:
        """Read the rows; those that are not well-formed go to the report.

        Yields:
            Rows in blocks of a bounded size.

        Raises:
            CixError: `PARTITION_UNREADABLE`; the rows before have been yielded.
        """
        done = False
        while not done:
            values: list[list[str]] = []
            problem: Exception | None = None
            try:
                values.extend(islice(self._rows, ROWS_PER_BLOCK))
                done = len(values) < ROWS_PER_BLOCK
            except (csv.Error, OSError, UnicodeError) as error:  # the rows before it stay in the list
                problem = error
            first = self._row + 1
            self._row += len(values)
            if values:
                yield self._well_formed(values, range(first, first + len(values)))
            if isinstance(problem, csv.Error):
                self._row += 1
                what = f"it is not valid CSV ({problem}, at line {self._rows.line_num} of the file)."
                self._report.bad_row(ROW_MALFORMED, self._partition.name, self._row, what)
            elif problem:
                raise _unreadable(problem, after_row=self._row) from None

    def _parse(self, lines: Iterable[str], delimiter: str | None = None) -> csv._reader:  # type: ignore[name-defined]
        csv_format = self._partition.csv_format
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if csv_format.quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=delimiter or csv_format.delimiter, quoting=quoting, strict=True)

    def _look(self, first_line: str, names: Sequence[str]) -> Layout | None:
        stated = self._partition.csv_format.header
        if not first_line:
            if stated:
                raise CixError(HEADER_WRONG, "it is empty, without the header that `columnHeaders` promises.")
            return None
        first_row = self._cells(first_line)
        if len(first_row) < min(2, len(names)):
            self._check_delimiter(first_line, names)
        return find_layout(first_row, names, stated)

    def _cells(self, line: str, delimiter: str | None = None) -> list[str]:
        """Return the cells of a line; none if it is no complete row."""
        try:
            return next(self._parse([line], delimiter), [])
        except csv.Error:
            return []

    def _check_delimiter(self, first_line: str, names: Sequence[str]) -> None:
        """Raise an error if another delimiter than the stated one separates the first line into the columns."""
        absent = self._partition.csv_format.delimiter not in first_line
        for delimiter, shown in LIKELY_DELIMITERS.items():
            cells = self._cells(first_line, delimiter)
            if (absent and len(cells) == len(names)) or len(_missing(names, cells)) * 2 <= len(names):
                message = (
                    "it is not separated as model.json says in `fileFormatSettings.delimiter` "
                    f"(`,` if that is absent); the likely delimiter is {shown}."
                )
                raise CixError(DELIMITER_WRONG, message)

    def _well_formed(self, values: list[list[str]], numbers: Sequence[int]) -> Rows:
        if set(map(len, values)) != {self._width}:
            values, numbers = self._without_ragged(values, numbers)
        if self._lines.undecodable:
            values, numbers = self._without_undecodable(values, numbers)
        return Rows(values, numbers)

    def _without_ragged(self, values: list[list[str]], numbers: Sequence[int]) -> Rows:
        kept: list[tuple[list[str], int]] = []
        for row, number in zip(values, numbers, strict=True):
            if len(row) == self._width:
                kept.append((row, number))
            elif row:  # an empty line is no row
                what = f"it has {len(row)} instead of {self._width} values."
                self._report.bad_row(ROW_MALFORMED, self._partition.name, number, what)
        return Rows([row for row, _ in kept], [number for _, number in kept])

    def _without_undecodable(self, values: list[list[str]], numbers: Sequence[int]) -> Rows:
        kept: list[tuple[list[str], int]] = []
        for row, number in zip(values, numbers, strict=True):
            if _LONE_SURROGATE.search("".join(row)):
                what = f"it holds bytes that are not {self._partition.csv_format.encoding}."
                self._report.bad_row(ROW_UNDECODABLE, self._partition.name, number, what)
            else:
                kept.append((row, number))
        return Rows([row for row, _ in kept], [number for _, number in kept])


def find_layout(first_row: Sequence[str], names: Sequence[str], stated: bool | None) -> Layout:
    """Decide whether a partition's first row is a header, and where the columns are.

    The row is taken for a header if at least half of the columns' names stand in it, whatever is stated: no profile
    looks like that.

    Args:
        first_row: The first row.
        names: The names of the segment's columns.
        stated: Whether model.json says that there is a header; None if it says nothing.

    Returns:
        The layout.

    Raises:
        CixError: `HEADER_WRONG`: there should be a header and is none, or it does not hold the segment's columns.
    """
    missing = _missing(names, first_row)
    if len(missing) * 2 > len(names):
        if stated:
            known = len(names) - len(missing)
            message = (
                f"its first row is not the header that `columnHeaders` promises ({known} of {len(names)} columns)."
            )
            raise CixError(HEADER_WRONG, message)
        return Layout(range(len(names)), has_header=False)
    if missing:
        raise CixError(HEADER_WRONG, f"its header lacks {', '.join(missing)}.")
    if len(first_row) != len(names):
        message = f"its header has {len(first_row)} columns where model.json lists {len(names)}."
        raise CixError(HEADER_WRONG, message)
    positions = {cell: position for position, cell in enumerate(first_row)}
    if not positions.keys() >= set(names):
        positions = {name: list(map(_plain, first_row)).index(_plain(name)) for name in names}
    order = [positions[name] for name in names]
    if len(set(order)) < len(names):
        raise CixError(HEADER_WRONG, "its header has names that differ from those in model.json, and are too alike.")
    return Layout(order, has_header=True)


def _missing(names: Sequence[str], cells: Sequence[str]) -> list[str]:
    present = set(map(_plain, cells))
    return [name for name in names if _plain(name) not in present]


def _plain(name: str) -> str:
    return name.strip().casefold()


def _unreadable(problem: Exception, *, after_row: int) -> CixError:
    reason = "bytes that are not text in its encoding"
    if isinstance(problem, OSError):
        reason = problem.strerror or type(problem).__name__
    return CixError(PARTITION_UNREADABLE, f"it cannot be read on after row {after_row} ({reason}).")
