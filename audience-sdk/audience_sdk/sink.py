"""Where the records of a segment pass from the Singer SDK to the engine."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.sinks import Sink
from typing_extensions import override

from audience_sdk.errors import KEY_MISSING, MESSAGE_MALFORMED, CixError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding

    from audience_sdk.stage import SegmentStage
    from audience_sdk.target import AudienceTarget

MELTANO_TEST_STREAM = "meltano_test_stream"
"""`meltano config test` sends a record of this stream: the credentials are checked and the record is dropped."""


class KeyMissingError(CixError, MissingKeyPropertiesError):
    """A record lacks a key property."""


class SegmentSink(Sink):
    """Hands the records of one segment to the engine."""

    def __init__(self, target: AudienceTarget, *args: Any, **kwargs: Any) -> None:
        super().__init__(target, *args, **kwargs)
        self._run = target.run
        self.stage: SegmentStage | None = None

    @override
    def setup(self) -> None:
        """Check the field mapping against the segment's columns."""
        if self.stream_name != MELTANO_TEST_STREAM:
            self.stage = self._run.open_segment(self.stream_name, self.schema["properties"], self.key_properties)
        else:
            self._run.checks_only = True

    def add(self, profiles: Sequence[Any]) -> None:
        """Stage profiles.

        Args:
            profiles: Records of the segment, as the run's `profiles` decodes them.
        """
        if self.stage is not None and profiles:
            self._run.mark_open(self.stream_name)
            self.stage.add(profiles)
            self._run.read(len(profiles))

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Stage a record that went through the SDK's own machinery."""
        self.add([self._run.profiles.of(record)])

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Stage the records of a BATCH file; single records are staged when they arrive."""
        records = context.get("records") or []
        where = f"A file of a BATCH of stream `{self.stream_name}`"
        if not all(isinstance(record, dict) for record in records):
            raise CixError(MESSAGE_MALFORMED, f"{where} has a line that is no record.")
        for key in self.key_properties:
            if any(key not in record for record in records):
                raise KeyMissingError(KEY_MISSING, f"{where} has a record that lacks its key property `{key}`.")
        self.add([self._run.profiles.of(record) for record in records])

    @override
    def process_batch_files(self, encoding: BaseBatchFileEncoding, files: Sequence[str]) -> None:
        """Stage the records of a BATCH's files."""
        try:
            super().process_batch_files(encoding, files)
        except (OSError, EOFError, ValueError, NotImplementedError, zlib.error) as error:
            # The error's own words could quote the file.
            message = f"A file of a BATCH of stream `{self.stream_name}` cannot be read ({type(error).__name__})."
            raise CixError(MESSAGE_MALFORMED, message) from error

    @override
    def get_validator(self) -> None:
        """Do without JSON Schema: the mapping takes any value, and the SDK's validator logs whole records."""

    @override
    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Leave dates as the text that they arrive as, as the fast path does."""
        return record
