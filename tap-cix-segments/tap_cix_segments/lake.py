"""The sources `parquet` and `delta`: tables of a data lake, in a folder.

Each table is a segment; or, where the folder holds the two tables of Dataverse that Synapse Link or Fabric link keeps
there, the segments are those of the membership table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from audience_sdk.errors import (
    EXTRA_MISSING,
    PARTITION_UNREADABLE,
    TABLES_NOT_FOUND,
    CixError,
)
from typing_extensions import override

from tap_cix_segments.model import IDENTITIES
from tap_cix_segments.patience import Patience
from tap_cix_segments.segment import Batch, Column, Segment, Source
from tap_cix_segments.storage import clear_errors, open_folder, scheme_of, without_secrets

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_cix_segments.report import SegmentReport

ROWS_PER_BATCH = 5_000


class LakeTable(Protocol):
    """One table."""

    @property
    def name(self) -> str:
        """The name of its folder, or of its file without the ending."""

    @property
    def refreshed_at(self) -> datetime | None:
        """When it was last written; None if not known."""

    @property
    def mark(self) -> str | None:
        """A text that is the same for as long as its content is; None if there is none."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, in the order of the table."""

    def read(self, names: Sequence[str]) -> Iterator[Any]:
        """Read rows, and of them nothing but some columns.

        Args:
            names: The names of the columns.

        Yields:
            Record batches of Arrow, with the columns in that order.
        """


class TableSource(Source):
    """Segments that are one table each.

    Args:
        tables: The tables.
    """

    def __init__(self, tables: Sequence[LakeTable]) -> None:
        self._tables = {table.name: table for table in tables}
        self._segments = [
            Segment(table.name, table.columns, _keys(table.columns), refreshed_at=table.refreshed_at)
            for table in tables
        ]

    @override
    def segments(self) -> Sequence[Segment]:
        """Return a segment for each table."""
        return self._segments

    @override
    def content_mark(self, segment: Segment) -> str | None:
        """Return the mark of the segment's table."""
        return self._tables[segment.name].mark

    @override
    def read(self, segment: Segment, columns: Sequence[Column], report: SegmentReport) -> Iterator[Batch]:
        """Read a table.

        Args:
            segment: One of `segments()`.
            columns: Which of its columns are wanted; no others are read.
            report: Is told what could not be read.

        Yields:
            The profiles.
        """
        from tap_cix_segments.arrow import read_values  # noqa: PLC0415 - its library is an extra

        table = self._tables[segment.name]
        done = 0
        try:
            with clear_errors(PARTITION_UNREADABLE, "it cannot be read to its end"):
                for rows in table.read([column.name for column in columns]):
                    values = []
                    for column, array in zip(columns, rows.columns, strict=True):
                        read, misfits = read_values(array, column)
                        if misfits:
                            numbers = [done + row + 1 for row in misfits]
                            report.odd_values(
                                table.name, numbers, column.name, f"is not of type {column.data_type.name}"
                            )
                        elif column.name in segment.key_properties and None in read:
                            numbers = [done + row + 1 for row, value in enumerate(read) if value is None]
                            report.odd_values(table.name, numbers, column.name, "is empty, although it is the key")
                        values.append(read)
                    done += rows.num_rows
                    yield Batch(values, rows.num_rows, None)
        except CixError as error:
            report.partition_lost(table.name, error)


def _keys(columns: Sequence[Column]) -> tuple[str, ...]:
    return IDENTITIES[:1] if any(column.name == IDENTITIES[0] for column in columns) else ()


def open_lake(
    kind: str,
    folder: str,
    options: Mapping[str, Any] | None,
    logger: logging.Logger,
    selected: Callable[[], Collection[str]],
    wait_seconds: float = 0,
) -> Source:
    """Return the source for a folder of tables.

    Args:
        kind: `parquet` or `delta`.
        folder: A path, or a URL.
        options: Options of the storage, such as credentials.
        logger: The tap's logger.
        selected: Gives the columns that the run is to read, of whatever segment, once that is known.
        wait_seconds: How long to wait, in all, for tables of Parquet that are being written.

    Raises:
        CixError: The folder cannot be read, holds no such tables, or a library is missing.
    """
    try:
        tables = _find_tables(kind, folder, options, Patience(wait_seconds, logger))
    except ImportError:
        message = f"`source: {kind}` needs libraries that are not installed."
        raise CixError(
            EXTRA_MISSING,
            message,
            f"Install the extra `tap-cix-segments[{kind}]`; with Meltano, name it in the tap's `pip_url`.",
        ) from None
    if not tables:
        raise CixError(TABLES_NOT_FOUND, f"No {kind} table lies below {without_secrets(folder)}.")
    from tap_cix_segments.link import link_source  # noqa: PLC0415 - its library is an extra

    # The rows of Parquet files can be older versions of one another; only a Delta table says which ones count.
    linked = link_source(tables, logger, selected) if kind == "delta" else None
    return linked or TableSource(tables)


def _find_tables(kind: str, folder: str, options: Mapping[str, Any] | None, patience: Patience) -> Sequence[LakeTable]:
    if kind == "delta":
        from tap_cix_segments.delta import find_delta_tables  # noqa: PLC0415 - its library is an extra

        return find_delta_tables(folder, options)
    from tap_cix_segments.parquet import find_parquet_tables  # noqa: PLC0415 - its library is an extra

    files, root = open_folder(folder, options)
    return find_parquet_tables(files, root, patience, shown=without_secrets(folder), scheme=scheme_of(folder))
