"""Reading Singer messages in bulk: runs of records go over as lists, and a bad line is named by its number alone."""

from __future__ import annotations

import os
import select
import sys
import time
from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

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
    records: list[dict[str, Any]]
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
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=str)

    def decode_decimals(self) -> None:
        """Give decimals as numbers that stream maps can calculate with; they keep the digits too."""
        self._decoder = msgspec.json.Decoder(float_hook=Decimal)

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, as bytes."""
        return sys.stdin.buffer

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode one line.

        Args:
            line: The line.
        """
        message: dict[str, Any] = self._decoder.decode(line)
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
            for lines_before, messages in self._decode_block(block, line_number):
                self._dispatch(messages, lines_before, callbacks, stats)
            line_number += block.count(b"\n")
        return stats

    def discard(self, file_input: Any, stop: threading.Event) -> None:
        """Read on for a while without looking, so that the tap can end by itself instead of on a broken pipe.

        Meltano shows a traceback of its own in place of the target's error when its pipe breaks.

        Args:
            file_input: Where to read; standard input if None.
            stop: Set when the process is to end.
        """
        source = file_input or self.default_input
        if source.isatty():
            return
        deadline = time.monotonic() + _DISCARD_SECONDS
        while time.monotonic() < deadline and not stop.is_set():
            ready, _, _ = select.select([source], [], [], _LOOK_UP_SECONDS)
            if ready and not os.read(source.fileno(), _CHUNK_BYTES):
                return

    def _blocks(self, source: Any) -> Iterator[bytes]:
        """Yield whole lines, about a megabyte at a time; a slow tap's lines are passed on as they come."""
        raw = getattr(source, "buffer", source)
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

    def _decode_block(self, block: bytes, lines_before: int) -> list[tuple[int, list[Any]]]:
        """Decode whole lines; each stretch without a blank line comes with the number of lines before it."""
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        try:
            messages = self._decoder.decode_lines(block)
        except (msgspec.DecodeError, UnicodeDecodeError):
            messages = []
        if len(messages) == lines:
            return [(lines_before, messages)]
        # Some line is blank or bad, so they are looked at one by one.
        stretches: list[tuple[int, list[Any]]] = [(lines_before, [])]
        for number, line in enumerate(block.split(b"\n"), lines_before + 1):
            if not line.strip():
                stretches.append((number, []))
                continue
            try:
                stretches[-1][1].append(self._decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise _malformed(number, "it is not JSON") from None
        return stretches

    def _dispatch(
        self,
        messages: list[Any],
        lines_before: int,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
        stats: Counter[str],
    ) -> None:
        run: RecordRun | None = None
        for number, message in enumerate(messages, lines_before + 1):
            kind, stream, record = _parts(message, number)
            stats[kind] += 1
            if record is not None:
                if run is None or run.stream != stream:
                    self._hand_over(run)
                    run = RecordRun(stream, [], number)
                run.records.append(record)
                continue
            self._hand_over(run)
            run = None
            if kind not in callbacks:
                raise _malformed(number, "its `type` is none of Singer's")
            try:
                callbacks[kind](message)
            except InvalidInputLine:
                raise _malformed(number, f"the {kind} message lacks a part that it must have") from None
        self._hand_over(run)

    def _hand_over(self, run: RecordRun | None) -> None:
        if run is not None:
            self.on_records(run)


def _parts(message: Any, number: int) -> tuple[str, str, dict[str, Any] | None]:
    """Return the type of a message and, for a RECORD, its stream and record."""
    try:
        kind = message["type"]
        if kind != "RECORD":
            return str(kind), "", None
        stream, record = message["stream"], message["record"]
    except (KeyError, TypeError):
        raise _malformed(number, "it lacks `type`, `stream` or `record`") from None
    if type(record) is not dict or type(stream) is not str:
        raise _malformed(number, "its `stream` is no text or its `record` no object")
    return kind, stream, record


def _malformed(line: int, why: str) -> CixError:
    return CixError(MESSAGE_MALFORMED, f"Line {line} of the input is no Singer message: {why}.")
