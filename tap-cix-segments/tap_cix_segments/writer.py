"""Writes Singer messages: records in bulk, and nothing half-written when the process is told to stop."""

from __future__ import annotations

import os
import sys
from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.errors import OUTPUT_CLOSED, CixError
from singer_sdk.contrib.msgspec import serialize_jsonl
from singer_sdk.singerlib import Message, RecordMessage
from singer_sdk.singerlib.encoding.base import GenericSingerWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Stopped(SystemExit):
    """The process was told to stop by a signal; the code is the exit code."""


class _Record(msgspec.Struct, tag="RECORD", tag_field="type", gc=False):
    stream: str
    record: Any
    version: int
    time_extracted: datetime


class LineWriter(GenericSingerWriter[bytearray, Message]):
    """Writes messages to standard output, in bulk and whole lines only."""

    def __init__(self) -> None:
        super().__init__()
        self._writing = False
        self._exit_code: int | None = None

    def serialize_message(self, message: Message) -> bytearray:
        """Encode a message.

        Args:
            message: The message.

        Returns:
            The line, valid until the next call.
        """
        return serialize_jsonl(message.to_dict())

    def write_message(self, message: Message) -> None:
        """Write one message; all but records go out at once.

        Args:
            message: The message.
        """
        self.write_lines(self.serialize_message(message), flush=not isinstance(message, RecordMessage))

    def write_lines(self, lines: bytes | bytearray, *, flush: bool = False) -> None:
        """Write whole lines.

        Args:
            lines: The lines.
            flush: Whether they must reach the reader at once.

        Raises:
            CixError: `OUTPUT_CLOSED`, if nobody reads them.
            Stopped: If `stop` was called meanwhile.
        """
        self._writing = True
        try:
            rest = memoryview(lines)
            while rest:  # where Python does not buffer its output, a signal can cut a write short
                rest = rest[sys.stdout.buffer.write(rest) :]
            if flush or self._exit_code is not None:
                sys.stdout.buffer.flush()
        except BrokenPipeError:
            # What is still buffered can go nowhere; Python would complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CixError(OUTPUT_CLOSED, "The reader of the output is gone.") from None
        finally:
            self._writing = False
        if self._exit_code is not None:
            raise Stopped(self._exit_code)

    def stop(self, exit_code: int) -> None:
        """Stop the process, after the lines that are being written; at once if it was told so before.

        Args:
            exit_code: What the process ends with.

        Raises:
            Stopped: Unless lines are being written.
        """
        if not self._writing:
            raise Stopped(exit_code)
        if self._exit_code is not None:
            os._exit(exit_code)
        self._exit_code = exit_code


def record_maker(names: Sequence[str]) -> Callable[..., Any]:
    """Return what makes one record of one value per name.

    Args:
        names: The names of the columns.

    Returns:
        A constructor that takes the values in the order of the names; what it makes can be encoded as JSON.
    """
    fields = [f"column_{number}" for number in range(len(names))]
    try:
        # Twice as fast as a dict, from the values to the JSON text.
        return msgspec.defstruct("Record", fields, rename=dict(zip(fields, names, strict=True)), gc=False)
    except ValueError:  # a name with a quote, a backslash or a control character
        return lambda *values: dict(zip(names, values, strict=True))


def encode_records(stream: str, records: Iterable[Any], version: int, extracted: datetime) -> bytes:
    """Encode RECORD messages.

    Args:
        stream: The stream's name.
        records: What `record_maker`'s constructor made.
        version: The version of the table that the records belong to.
        extracted: When they were read.

    Returns:
        The lines.
    """
    return _ENCODER.encode_lines(list(map(_Record, repeat(stream), records, repeat(version), repeat(extracted))))
