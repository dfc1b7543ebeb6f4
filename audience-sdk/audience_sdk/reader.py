"""Reading Singer messages in bulk: runs of records go over as lists, and a bad line is named by its number alone."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, Literal

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

from audience_sdk.errors import MESSAGE_MALFORMED, CixError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

_CHUNK_BYTES = 1 << 20
_DISCARD_SECONDS = 10.0
_LOOK_UP_SECONDS = 0.2


class RecordRun(msgspec.Struct):
    """Consecutive records of one stream.

    Attributes:
        stream: Name of the stream.
        records: The records.
        line: Number of the first record's line.
    """

    stream: str
    records: list[Any]
    line: int


class BulkReader(GenericSingerReader[bytes]):
    """Reads Singer messages a megabyte at a time.

    Attributes:
        on_records: Takes the records of one stream; the SDK's callback for RECORD is not used.
        before_waiting: Called before each wait for input; raises where reading is to end.
        waiting: Whether the reader is waiting for input at this moment, so that a signal may interrupt it.
    """

    on_records: Callable[[RecordRun], None]

    def __init__(self) -> None:
        super().__init__()
        self.before_waiting: Callable[[], None] = lambda: None
        self.waiting = False
        # Decimals keep the digits that the source wrote.
        self._float_hook: Callable[[str], Any] = str
        self._record_type: Any = None
        self.decode_records_as(dict[str, Any])

    def decode_decimals(self) -> None:
        """Give decimals as numbers that stream maps can calculate with; they keep the digits too."""
        self._float_hook, self._record_type = Decimal, None
        self.decode_records_as(dict[str, Any])

    def decode_records_as(self, record_type: Any) -> None:
        """Decode the records that are still to come to another type, such as one with fewer columns.

        Args:
            record_type: A type that msgspec can decode any JSON object to.
        """
        if record_type is self._record_type:
            return
        self._record_type = record_type
        self._message_type = msgspec.defstruct(
            "Message",
            [
                ("type", str),
                ("stream", Any, msgspec.UNSET),
                ("record", record_type | msgspec.UnsetType, msgspec.UNSET),
            ],
            gc=False,
        )
        record = msgspec.defstruct(
            "Record", [("type", Literal["RECORD"]), ("stream", str), ("record", record_type)], gc=False
        )
        self._records_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(record, float_hook=self._float_hook)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self._message_type, float_hook=self._float_hook)
        self._any_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=self._float_hook)

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, as bytes."""
        return sys.stdin.buffer

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode one line.

        Args:
            line: The line.
        """
        message: dict[str, Any] = self._any_decoder.decode(line)
        return message

    def process_lines(
        self,
        file_input: IO[bytes] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Read messages to the end of the input.

        Args:
            file_input: Where to read; standard input if None.
            callbacks: What to do with each type of message but RECORD.

        Returns:
            How many messages of each type were read.

        Raises:
            CixError: `MESSAGE_MALFORMED`, with the number of the line and nothing of what it holds.
        """
        stats: Counter[str] = Counter()
        line_number = 0
        for block in self._blocks(file_input or self.default_input):
            rest = block
            while rest:
                lines, rest = self._process(rest, line_number, callbacks, stats)
                line_number += lines
        return stats

    def discard(self, file_input: Any, stop: threading.Event) -> None:
        """Read on for a while without looking, so that the tap can end by itself instead of on a broken pipe.

        Meltano shows a traceback of its own in place of the target's error when its pipe breaks.

        Args:
            file_input: Where to read; standard input if None.
            stop: Set when the process is to end.
        """
        # Standard input may be closed, or no file of the system.
        with suppress(OSError, ValueError, AttributeError):
            source = file_input or self.default_input
            deadline = time.monotonic() + _DISCARD_SECONDS
            while not source.isatty() and time.monotonic() < deadline and not stop.is_set():
                ready, _, _ = select.select([source], [], [], _LOOK_UP_SECONDS)
                if ready and not os.read(source.fileno(), _CHUNK_BYTES):
                    return

    def _blocks(self, source: Any) -> Iterator[bytes]:
        """Yield whole lines, about a megabyte at a time; a slow tap's lines are passed on as they come."""
        raw = getattr(source, "buffer", source)
        _enlarge(raw)
        read = getattr(raw, "read1", raw.read)
        tail = b""
        while True:
            self.waiting = True
            self.before_waiting()
            data = read(_CHUNK_BYTES)
            self.waiting = False
            if isinstance(data, str):
                data = data.encode()
            if not data:
                break
            cut = data.rfind(b"\n") + 1
            if cut:
                yield tail + data[:cut]
                tail = data[cut:]
            else:
                tail += data
        if tail.strip():
            yield tail

    def _process(
        self,
        block: bytes,
        lines_before: int,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
        stats: Counter[str],
    ) -> tuple[int, bytes]:
        """Process whole lines, up to a message after which records are to be decoded otherwise.

        Returns:
            How many lines were processed, and those that remain.
        """
        run = self._one_run(block, lines_before)
        if run is not None:
            self._hand_over(run, stats)
            return len(run.records), b""
        decoder = self._decoder
        messages = self._decode(block, lines_before)
        lines: list[bytes] = []
        for number, message in enumerate(messages, lines_before + 1):
            if message is not None and message.type == "RECORD":
                if message.record is msgspec.UNSET:
                    raise _malformed(number, _INCOMPLETE)
                if run is None or run.stream != message.stream:
                    self._hand_over(run, stats)
                    run = RecordRun(_checked(message.stream, number), [], number)
                run.records.append(message.record)
                continue
            self._hand_over(run, stats)
            run = None
            if message is None:
                continue
            lines = lines or block.split(b"\n")
            done = number - lines_before
            stats[message.type] += 1
            self._pass_on(message.type, lines[done - 1], number, callbacks)
            if self._decoder is not decoder:
                return done, b"\n".join(lines[done:])
        self._hand_over(run, stats)
        return len(messages), b""

    def _one_run(self, block: bytes, lines_before: int) -> RecordRun | None:
        """Return the records of lines that are all records of one stream, as most blocks are; None for others."""
        messages = _decoded(block, self._records_decoder)
        if not messages or len(set(map(_STREAM, messages))) > 1:
            return None
        return RecordRun(messages[0].stream, list(map(_RECORD, messages)), lines_before + 1)

    def _decode(self, block: bytes, lines_before: int) -> list[Any]:
        """Return the message of each line, None for a blank one."""
        messages = _decoded(block, self._decoder)
        if messages:
            return messages
        # Some line is blank or bad, so they are looked at one by one.
        lines = block.removesuffix(b"\n").split(b"\n")
        return [
            self._decode_line(line, number) if line.strip() else None
            for number, line in enumerate(lines, lines_before + 1)
        ]

    def _decode_line(self, line: bytes, number: int) -> Any:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        try:
            message = self._any_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _malformed(number, "it is not JSON") from None
        kind = message.get("type") if isinstance(message, dict) else None
        if type(kind) is not str:
            raise _malformed(number, _INCOMPLETE)
        if kind == "RECORD":
            raise _malformed(number, _ODD)
        # What is odd about another message is for its own callback to say.
        return self._message_type(kind)

    def _pass_on(
        self, kind: str, line: bytes, number: int, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> None:
        if kind not in callbacks:
            raise _malformed(number, "its `type` is none of Singer's")
        try:
            callbacks[kind](self._any_decoder.decode(line))
        except InvalidInputLine:
            raise _malformed(number, f"the {kind} message lacks a part that it must have") from None

    def _hand_over(self, run: RecordRun | None, stats: Counter[str]) -> None:
        if run is not None:
            stats["RECORD"] += len(run.records)
            self.on_records(run)


def _enlarge(source: Any) -> None:
    """Let a pipe hold a whole chunk, so that who writes and who reads it wait for each other less often.

    Args:
        source: The input; left alone if it is no pipe, or the system has no such setting.
    """
    with suppress(OSError, ValueError, AttributeError):
        fcntl.fcntl(source.fileno(), fcntl.F_SETPIPE_SZ, _CHUNK_BYTES)


_STREAM, _RECORD = attrgetter("stream"), attrgetter("record")


def _decoded(block: bytes, decoder: msgspec.json.Decoder[Any]) -> list[Any]:
    """Return the message of each line; none if some line is blank or bad."""
    try:
        messages = decoder.decode_lines(block)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return messages if len(messages) == block.count(b"\n") + (not block.endswith(b"\n")) else []


def _checked(stream: Any, number: int) -> str:
    if stream is msgspec.UNSET:
        raise _malformed(number, _INCOMPLETE)
    if type(stream) is not str:
        raise _malformed(number, _ODD)
    return stream


_INCOMPLETE = "it lacks `type`, `stream` or `record`"
_ODD = "its `stream` is no text or its `record` no object"


def _malformed(line: int, why: str) -> CixError:
    return CixError(MESSAGE_MALFORMED, f"Line {line} of the input is no Singer message: {why}.")
