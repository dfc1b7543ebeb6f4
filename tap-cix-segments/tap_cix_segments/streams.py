"""A segment as a Singer stream."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.bookmarks import SKIPPED
from audience_sdk.errors import COLUMN_GONE, SEGMENT_STALE, CixError
from singer_sdk import Stream
from singer_sdk.mapper import SameRecordTransform
from typing_extensions import override

from tap_cix_segments.freshness import Reading, content_of, is_unchanged, staleness
from tap_cix_segments.progress import Progress
from tap_cix_segments.report import SegmentReport
from tap_cix_segments.writer import LineWriter, encode_records, record_maker

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_cix_segments.segment import Batch, Column, Segment, Source


_FORMS = ("stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth", "flattening_separator")
"""Settings that decide on what is sent of a segment."""


class SegmentStream(Stream):
    """One segment: SCHEMA, its profiles, and ACTIVATE_VERSION only once all of them have been read.

    Args:
        tap: The tap.
        source: Where the segment is read from.
        segment: The segment.
        writer: Where the records go.
    """

    def __init__(self, tap: Tap, source: Source, segment: Segment, writer: LineWriter) -> None:
        super().__init__(tap, schema=segment.schema, name=segment.name)
        self.primary_keys = segment.key_properties
        self._source = source
        self._segment = segment
        self._writer = writer
        self._stream_version = self._initialized_at // 1000
        self._reading: Reading | None = None
        self.report = SegmentReport(segment.name, self.logger)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """False, since the SDK would send the message before the records: see `_end`."""
        return False

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log what the SDK has to say, but for errors: the command reports each of them itself, once."""
        if level < logging.ERROR:
            super().log(message, *args, level=level, **kwargs)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over keys and selection.

        Args:
            catalog: The catalog that the user gave.

        Raises:
            CixError: `COLUMN_GONE`, if it selects a column that the segment does not have.
        """
        super().apply_catalog(catalog)
        known = {column.name for column in self._segment.columns}
        gone = [name for name in self.selected_names() if name not in known]
        if self.selected and gone:
            message = f"The catalog selects {', '.join(gone)} of the segment {self.name}, which has no such column."
            raise CixError(COLUMN_GONE, message)

    @override  # type: ignore[misc]  # final by its annotation, but the only place before the SCHEMA
    def sync(self, context: Context | None = None) -> None:
        """Send the segment, or leave it out if it is what its bookmark says that it was.

        Args:
            context: As for the SDK's `Stream`.
        """
        now = datetime.now(timezone.utc)
        if stale := staleness(self._segment, now, self.config["stale_after_days"]):
            self.logger.warning("%s", CixError(SEGMENT_STALE, stale), extra={"code": SEGMENT_STALE.code})
        self._reading = Reading(self._content(), now, self._segment.refreshed_at)
        again_after = timedelta(days=self.config["read_again_after_days"])
        if is_unchanged(self.stream_state, self._reading.content, now, again_after):
            self.logger.info("%s: unchanged since it was last read, left out", self.name)
            self.stream_state[SKIPPED] = True
            self._write_state_anew()
        else:
            self.stream_state.clear()
            super().sync(context)

    def _content(self) -> str | None:
        """Return the mark of what this stream would send; None if it is to be read in any case."""
        if not self.config["skip_unchanged"] or self.ABORT_AT_RECORD_COUNT is not None:
            return None
        columns = [(column.name, column.data_type.name) for column in self._selected_columns()]
        mapped = {name: self.config.get(name) for name in _FORMS}
        return content_of(self._source.content_mark(self._segment), columns, self.primary_keys, mapped)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read the profiles one by one, for the SDK's own way of the records (stream maps, flattening, BATCH)."""
        columns = self._selected_columns()
        make = record_maker([column.name for column in columns])
        for batch in self._batches(columns):
            for record in _records(make, batch):
                yield msgspec.to_builtins(record, builtin_types=(Decimal,))
        if not self.get_batch_config(self.config):  # the last record has been written, the last STATE not yet
            self._end()

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write the profiles into files, for BATCH messages."""
        yield from super().get_batches(batch_config, context)
        self._end()

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write the profiles in bulk; in the SDK's way, which is ten times slower, only where something needs it."""
        if write_messages and self._is_unmapped:
            self._write_in_bulk()
        else:
            yield from super()._sync_records(context, write_messages=write_messages)

    @property
    def _is_unmapped(self) -> bool:
        """Whether records leave the tap as they were read."""
        [first, *others] = self.stream_maps
        return not others and type(first) is SameRecordTransform and not first.flattening_enabled

    def _write_in_bulk(self) -> None:
        columns = self._selected_columns()
        make = record_maker([column.name for column in columns])
        version = self._stream_version or 0
        rows_left = self.ABORT_AT_RECORD_COUNT
        with self.get_record_counter() as counter, self.get_sync_timer():
            for batch in self._batches(columns):
                records = list(_records(make, batch))[:rows_left]
                self._writer.write_lines(encode_records(self.name, records, version, datetime.now(timezone.utc)))
                counter.increment(len(records))
                if rows_left is not None:
                    rows_left -= len(records)
                    if not rows_left:  # a connection test has seen enough
                        self._write_state_anew()
                        return
        self._end()

    def _batches(self, columns: list[Column]) -> Iterator[Batch]:
        # A connection test, which reads a few records only, is to fail at the first error.
        self.report = SegmentReport(self.name, self.logger, raise_errors=self.ABORT_AT_RECORD_COUNT is not None)
        progress = Progress(self.name, self.logger)
        for batch in self._source.read(self._segment, columns, self.report):
            if batch.size:
                yield batch
                progress.advance(batch.size, batch.share)
        self.report.close()
        progress.end(complete=self.report.complete)

    def _write_state_anew(self) -> None:
        self.state_manager.is_flushed = False
        self._write_state_message()

    def _end(self) -> None:
        """Tell the target that the segment is complete, if it is; a connection test tells nobody anything."""
        if self.report.complete and self.ABORT_AT_RECORD_COUNT is None:
            self._write_activate_version_message(self._stream_version or 0)
            if self._reading:
                self.stream_state.update(self._reading.bookmark())
        self.state_manager.is_flushed = False  # so that a STATE follows

    @property
    def segment(self) -> str:
        """The name of the segment."""
        return self._segment.name

    def selected_names(self) -> list[str]:
        """Return the names of the selected columns."""
        properties = self.effective_schema["properties"]
        return [name for name in properties if self.mask["properties", name]]

    def _selected_columns(self) -> list[Column]:
        selected = set(self.selected_names())
        return [column for column in self._segment.columns if column.name in selected]


def _records(make: Any, batch: Batch) -> Iterable[Any]:
    return map(make, *batch.columns) if batch.columns else repeat({}, batch.size)
