"""The tap: its settings, its streams, and how it ends."""

from __future__ import annotations

import json
import os
from typing import IO, TYPE_CHECKING, Any, ClassVar

from audience_sdk.bookmarks import SKIPPED, bookmarks_of
from audience_sdk.cli import PluginCommand, check_environment, check_settings, leave_out_faker
from audience_sdk.errors import SEGMENT_INCOMPLETE, SETTING_INVALID, STOPPED, CixError
from singer_sdk import Tap
from singer_sdk import typing as th
from typing_extensions import override

from tap_cix_segments.dataverse.settings import DATAVERSE_SETTINGS
from tap_cix_segments.segment import choose_segments, unknown_segment
from tap_cix_segments.sources import DATAVERSE, FILE_SETTINGS, FILE_SOURCES, FRESHNESS_SETTINGS, open_source
from tap_cix_segments.streams import SegmentStream
from tap_cix_segments.writer import LineWriter, Stopped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    import click
    from singer_sdk.plugin_base import _ConfigInput

    from tap_cix_segments.segment import Segment


class TapCixSegments(Tap):
    """Reads segments of unified customer profiles out of Dynamics 365 Customer Insights."""

    name = "tap-cix-segments"
    dynamic_catalog = True
    message_writer_class = LineWriter
    message_writer: LineWriter

    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "source",
            th.StringType,
            default="folder",
            allowed_values=[*FILE_SOURCES, DATAVERSE],
            title="Source",
            description=(
                "Where segments are read from: `folder`, an export of Customer Insights to Blob or Data Lake; "
                "`parquet` or `delta`, tables of a lake; "
                "`dataverse`, the live environment."
            ),
        ),
        *FILE_SETTINGS,
        *DATAVERSE_SETTINGS,
        th.Property(
            "segments",
            th.ArrayType(th.StringType),
            title="Segments",
            description="Names of the segments to read, or patterns with `*`, `?` and `[...]`; all if not set.",
        ),
        *FRESHNESS_SETTINGS,
    ).to_dict()

    @override
    def discover_streams(self) -> Sequence[SegmentStream]:
        """Return a stream for each segment that the user asked for.

        Raises:
            CixError: The source cannot be read, or `segments` or the catalog names a segment that it does not have.
        """
        source = open_source(self.config, self.logger, self._selection)
        segments = source.segments()
        self._check_catalog(segments)
        chosen = choose_segments(segments, self.config.get("segments"))
        return [SegmentStream(self, source, segment, self.message_writer) for segment in chosen]

    def _selection(self) -> dict[str, list[str]]:
        """Return the names of the selected columns of each selected segment."""
        streams = [stream for stream in self.streams.values() if isinstance(stream, SegmentStream)]
        return {stream.segment: stream.selected_names() for stream in streams if stream.selected}

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the bookmarks of the run before, whatever else the state holds.

        Args:
            state: The state.
        """
        marks = bookmarks_of(state)
        super().load_state({"bookmarks": {segment: mark | {SKIPPED: False} for segment, mark in marks.items()}})

    def _forget_unselected(self) -> None:
        selected = {stream.name for stream in self.streams.values() if stream.selected}
        for segment in bookmarks_of(self.state).keys() - selected:
            del self.state["bookmarks"][segment]

    def _check_catalog(self, segments: Sequence[Segment]) -> None:
        names = [segment.name for segment in segments]
        for entry in self.input_catalog.streams if self.input_catalog else []:
            selected = entry.metadata.resolve_selection().get((), True)
            if selected and entry.tap_stream_id not in names:
                raise unknown_segment(entry.tap_stream_id, names, "The catalog")

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings, naming no value in an error."""
        self.append_builtin_config(self.config_jsonschema)
        check_settings(self._config, self.config_jsonschema)
        check_environment(self.name, self.config_jsonschema, os.environ)
        return []

    def _check_complete(self) -> None:
        """Raise an error if a segment was not read to its end."""
        reports = [s.report for s in self.streams.values() if isinstance(s, SegmentStream) and s.selected]
        incomplete = [f"{report.segment} (lost: {report.losses})" for report in reports if not report.complete]
        if incomplete:
            message = f"{len(incomplete)} of {len(reports)} segments not read to the end: {'; '.join(incomplete)}."
            raise CixError(SEGMENT_INCOMPLETE, message)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop after the lines that are being written, with the exit code of the signal and no STATE."""
        self.message_writer.stop(128 + signum)

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's own settings that mean something here."""
        super().append_builtin_config(config_jsonschema)
        leave_out_faker(config_jsonschema)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        """Return the command, with this project's way of reporting errors."""
        return PluginCommand.of(super().get_singer_command(), cls.logger)

    @classmethod
    @override
    def invoke(  # type: ignore[override]  # the SDK's own `Tap.invoke` narrows `**kwargs` likewise
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap.

        Args:
            about: Show what the tap is, and end.
            about_format: How to show it.
            config: The settings.
            state: The state of the run before.
            catalog: Which streams and columns are selected.

        Raises:
            CixError: A segment could not be read to its end; the others have been.
        """
        super(Tap, cls).invoke(about=about, about_format=about_format)
        try:
            # It looks for segments before it reads them, and both can take a while.
            tap = cls(
                config=config.config if config else None,
                state=_read_json(state, "state"),
                catalog=_read_json(catalog, "catalog"),
                parse_env_config=bool(config and config.parse_env),
            )
            tap._forget_unselected()
            tap.sync_all()
        except Stopped as stopped:
            error = CixError(STOPPED, "A signal stopped the tap before all segments were read.", "Run again.")
            cls.logger.warning("%s", error, extra={"code": STOPPED.code})
            raise SystemExit(stopped.code) from None
        tap._check_complete()


def _read_json(file: IO[str] | None, name: str) -> dict[str, Any] | None:
    if file is None:
        return None
    with file:
        try:
            content = json.load(file)
        except ValueError:
            content = None
    if not isinstance(content, dict):
        raise CixError(SETTING_INVALID, f"The file given with --{name} is not a JSON object.")
    return content
