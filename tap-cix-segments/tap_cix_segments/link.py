"""Segments out of the tables that Azure Synapse Link or Fabric link for Dataverse keeps in a lake.

The lake holds the columns under their logical names: lower case, with the prefix of Customer Insights, which is left
out here. Rows that were deleted in Dataverse stay in the lake, marked by the column `IsDelete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audience_sdk.errors import (
    DISK_FULL,
    MEMBERSHIP_UNREADABLE,
    PARTITION_UNREADABLE,
    PROFILE_MISSING,
    TABLES_AMBIGUOUS,
    CixError,
)
from typing_extensions import override

from tap_cix_segments.arrow import read_values
from tap_cix_segments.data_types import STRING, read_column
from tap_cix_segments.dataverse.join import Join
from tap_cix_segments.dataverse.memberships import counts_as_customer, parse_segments, previous_ids
from tap_cix_segments.model import IDENTITIES
from tap_cix_segments.segment import Batch, Column, Segment, Source
from tap_cix_segments.storage import clear_errors

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterator, Sequence

    from tap_cix_segments.lake import LakeTable
    from tap_cix_segments.report import SegmentReport

PREFIX = "msdynci_"
PROFILES, MEMBERSHIPS = f"{PREFIX}customerprofile", f"{PREFIX}segmentmembership"
_ID, _PREVIOUS_ID = f"{PREFIX}customerid", f"{PREFIX}previouscustomerid"
_SEGMENTS, _TYPE = f"{PREFIX}segments", f"{PREFIX}segmentmembershiptype"
_PRIMARY_KEY = f"{PREFIX}customerprofileid"
_DELETED = "isdelete"
_TRUE = {"true", "1"}
_NAMES = {name.lower(): name for name in IDENTITIES}


def link_source(
    tables: Sequence[LakeTable], logger: logging.Logger, selected: Callable[[], Collection[str]]
) -> LinkSource | None:
    """Return the source for the tables of Synapse Link or Fabric link; None if they are of another kind.

    Args:
        tables: The tables of the folder.
        logger: The tap's logger.
        selected: Gives the columns that the run is to read, of whatever segment, once that is known.

    Raises:
        CixError: One of the two tables is there more than once.
    """
    by_name = {name: [table for table in tables if _plain_name(table) == name] for name in (PROFILES, MEMBERSHIPS)}
    if not all(by_name.values()):
        return None
    for name, found in by_name.items():
        if len(found) > 1:
            names = " and ".join(table.name for table in found)
            raise CixError(TABLES_AMBIGUOUS, f"The folder holds the table {name} more than once: {names}.")
    return LinkSource(by_name[MEMBERSHIPS][0], by_name[PROFILES][0], logger, selected)


def _plain_name(table: LakeTable) -> str:
    return table.name.lower().removesuffix("_partitioned")


class LinkSource(Source):
    """Segments out of the membership table, joined with the profiles on disk.

    Args:
        memberships: The membership table.
        profiles: The profile table.
        logger: The tap's logger.
        selected: As for `link_source`.
    """

    def __init__(
        self,
        memberships: LakeTable,
        profiles: LakeTable,
        logger: logging.Logger,
        selected: Callable[[], Collection[str]],
    ) -> None:
        self._memberships = memberships
        self._profiles = profiles
        self._logger = logger
        self._selected = selected
        self._join = Join()
        self._unreadable = 0
        self._joined: dict[str, int] | None = None
        self._columns = {
            column_name(column.name): column
            for column in profiles.columns
            if column.name.lower().startswith(PREFIX) and column.name.lower() != _PRIMARY_KEY
        }

    @override
    def segments(self) -> Sequence[Segment]:
        """Return the segments that have members.

        Raises:
            CixError: The membership table cannot be read.
        """
        with clear_errors(PARTITION_UNREADABLE, f"The table {self._memberships.name} cannot be read"):
            self._read_memberships()
        columns = tuple(
            Column(name, STRING if name in IDENTITIES else column.data_type) for name, column in self._columns.items()
        )
        times = [self._memberships.refreshed_at, self._profiles.refreshed_at]
        refreshed_at = min(filter(None, times)) if all(times) else None
        return [Segment(name, columns, IDENTITIES[:1], refreshed_at=refreshed_at) for name in self._join.segments]

    @override
    def content_mark(self, segment: Segment) -> str | None:
        """Return the marks of the two tables: what they hold is all that the segments are."""
        marks = [self._memberships.mark, self._profiles.mark]
        return repr(marks) if all(marks) else None

    @override
    def read(self, segment: Segment, columns: Sequence[Column], report: SegmentReport) -> Iterator[Batch]:
        """Read a segment; the first call of a run reads the profiles of all segments.

        Args:
            segment: One of `segments()`.
            columns: Which of its columns are wanted.
            report: Is told what could not be read.

        Yields:
            The profiles.
        """
        try:
            with clear_errors(PARTITION_UNREADABLE, "it cannot be read to its end"):
                position = self._read_profiles({column.name for column in columns})
        except CixError as error:
            if error.code is DISK_FULL:  # no segment can be joined any more
                raise
            report.partition_lost(self._profiles.name, error)
            return
        if self._unreadable:
            message = f"{self._unreadable:,} rows name their segments or their type in a way that is not known."
            report.rows_lost(self._unreadable, self._memberships.name, CixError(MEMBERSHIP_UNREADABLE, message))
        if missing := self._join.members_without_profile(segment.name):
            message = f"{missing:,} members have no profile there."
            report.rows_lost(missing, self._profiles.name, CixError(PROFILE_MISSING, message))
        total, done = self._join.members(segment.name), 0
        for rows in self._join.profiles(segment.name):
            texts = list(zip(*rows, strict=True))
            values = []
            for column in columns:
                read, misfits = read_column(texts[position[column.name]], column.data_type)
                if misfits:
                    numbers = [done + row + 1 for row in misfits]
                    what = f"is not of type {column.data_type.name}"
                    report.odd_values(self._profiles.name, numbers, column.name, what)
                values.append(read)
            done += len(rows)
            yield Batch(values, len(rows), done / total)

    def _read_memberships(self) -> None:
        for row in _rows(self._memberships, [_ID, _SEGMENTS, _TYPE]):
            customers = []
            for customer, segments, kind in row:
                try:
                    names = parse_segments(segments) if counts_as_customer(kind) else ()
                except ValueError:
                    self._unreadable += 1
                    continue
                if names and customer:
                    customers.append((str(customer), names))
                else:
                    self._unreadable += bool(names)
            self._join.add_members(customers)

    def _read_profiles(self, wanted: Collection[str]) -> dict[str, int]:
        """Read the profiles into the join, unless they are there, and return where in a row each column is."""
        if self._joined is None or not self._joined.keys() >= set(wanted):
            names = [name for name in self._columns if name in {*wanted, *self._selected()}]
            self._join.forget_profiles()
            self._join.want(self._join.segments)
            for rows in _rows(self._profiles, [_ID, _PREVIOUS_ID, *(self._columns[name].name for name in names)]):
                self._join.add_profiles(
                    (str(customer), previous_ids(before), list(map(text_of, values)))
                    for customer, before, *values in rows
                    if customer
                )
            self._join.follow_successors()
            self._joined = {name: place for place, name in enumerate(names)}
        return self._joined


def column_name(name: str) -> str:
    """Return what a column of the lake is called in a segment.

    Args:
        name: Its logical name.
    """
    plain = name.lower().removeprefix(PREFIX)
    return _NAMES.get(plain, plain)


def text_of(value: Any) -> str:
    """Return a value as the text that a CSV export would hold.

    Args:
        value: What Arrow gave.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _rows(table: LakeTable, names: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Read columns of a table, None for those that it does not have; rows that were deleted are left out."""
    present = {column.name.lower(): column for column in table.columns}
    columns = [present.get(name.lower()) for name in names]
    deleted = present.get(_DELETED)
    asked = {column.name: column for column in [*columns, deleted] if column}
    for batch in table.read(list(asked)):
        arrays = zip(asked.items(), batch.columns, strict=True)
        values = {name: read_values(array, column)[0] for (name, column), array in arrays}
        empty = [None] * batch.num_rows
        rows = zip(*(values[column.name] if column else empty for column in columns), strict=True)
        gone = values[deleted.name] if deleted else empty
        yield [row for row, is_gone in zip(rows, gone, strict=True) if str(is_gone).lower() not in _TRUE]
