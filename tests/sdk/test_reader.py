"""However the input is cut, the messages are those that its lines hold, and a bad line is named by its number."""

from __future__ import annotations

import io
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk import reader
from audience_sdk.errors import MESSAGE_MALFORMED, CixError
from audience_sdk.reader import BulkReader, RecordRun
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

MODERATE = settings(max_examples=150, deadline=None)
KINDS = ("SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH")
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)
_RECORDS = st.builds(
    lambda stream, record: {"type": "RECORD", "stream": stream, "record": record},
    st.sampled_from(["a", "b", "ü"]),
    st.dictionaries(st.text(max_size=4), _VALUES, max_size=3),
)
_OTHERS = st.builds(lambda kind, value: {"type": kind, "value": value}, st.sampled_from(KINDS), _VALUES)
_MESSAGES = st.one_of(_RECORDS, _RECORDS, _OTHERS)
_BLANKS = st.sampled_from([b"", b"", b"", b"\n", b" \n\t\n", b"\r\n"])
_ENDS = st.sampled_from([b"\n", b"\n", b"\r\n"])


class Pieces(io.BufferedIOBase):
    """A pipe that gives its content in pieces of given lengths."""

    def __init__(self, content: bytes, lengths: Sequence[int]) -> None:
        super().__init__()
        self._rest = content
        self._lengths = list(lengths)

    def read1(self, size: int = -1) -> bytes:
        length = min(self._lengths.pop(0) if self._lengths else len(self._rest), size)
        piece, self._rest = self._rest[:length], self._rest[length:]
        return piece


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Lines with messages and blank ones between them, perhaps without a newline at the end."""
    content = b""
    for message in draw(st.lists(_MESSAGES, max_size=8)):
        line = json.dumps(message, ensure_ascii=draw(st.booleans())).encode()
        content += draw(_BLANKS) + line + draw(_ENDS)
    return content.rstrip() if draw(st.booleans()) else content + draw(_BLANKS)


class Heard:
    """What a reader passes on, in order."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.runs: list[RecordRun] = []

    def read(self, source: Any) -> dict[str, int]:
        bulk = BulkReader()
        bulk.on_records = self._records
        stats = bulk.process_lines(source, dict.fromkeys(KINDS, self.messages.append))
        assert not bulk.waiting
        return dict(stats)

    def _records(self, run: RecordRun) -> None:
        self.runs.append(run)
        self.messages.extend({"type": "RECORD", "stream": run.stream, "record": record} for record in run.records)


def line_by_line(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=str) for line in content.split(b"\n") if line.strip()]


@MODERATE
@given(inputs(), st.lists(st.integers(min_value=1, max_value=40), max_size=60))
def test_any_cut_of_the_input_gives_the_messages_of_its_lines(content: bytes, lengths: list[int]) -> None:
    heard = Heard()
    stats = heard.read(Pieces(content, lengths))

    expected = line_by_line(content)
    assert heard.messages == expected
    assert stats == {kind: sum(m["type"] == kind for m in expected) for kind in {m["type"] for m in expected}}


@MODERATE
@given(inputs(), st.lists(st.integers(min_value=1, max_value=40), max_size=60))
def test_a_run_of_records_knows_the_line_that_each_came_from(content: bytes, lengths: list[int]) -> None:
    heard = Heard()
    heard.read(Pieces(content, lengths))

    lines = content.split(b"\n")
    for run in heard.runs:
        for number, record in enumerate(run.records, run.line):
            assert json.loads(lines[number - 1], parse_float=str)["record"] == record


BAD_LINES = [
    b"not json s-content",
    b'{"type": "RECORD", "stream": "a", "record": {"x": "s-content"',
    b'{"type": "RECORD", "stream": "a", "record": {"x": "s-content\xff"}}',
    b'{"type": "RECORD", "stream": "a", "record": {"x": NaN, "y": "s-content"}}',
    b'{"type": "RECORD", "stream": "a", "record": ["s-content"]}',
    b'{"type": "RECORD", "stream": "a", "record": "s-content"}',
    b'{"type": "RECORD", "stream": "a", "record": null}',
    b'{"type": "RECORD", "stream": "a"}',
    b'{"type": "RECORD", "stream": ["s-content"], "record": {}}',
    b'{"type": "RECORD", "record": {"x": "s-content"}}',
    b'{"stream": "a", "record": {"x": "s-content"}}',
    b'{"type": "s-content"}',
    b'{"type": null}',
    b'{"type": ["s-content"]}',
    b'["s-content"]',
    b'"s-content"',
    b"null",
    b"3",
    b"\xef\xbb\xbf" + b'{"type": "STATE", "value": "s-content"}',
]


@MODERATE
@given(inputs(), st.sampled_from(BAD_LINES), inputs(), st.lists(st.integers(min_value=1, max_value=60), max_size=30))
def test_a_bad_line_is_named_by_its_number_and_not_quoted(
    before: bytes, bad: bytes, after: bytes, lengths: list[int]
) -> None:
    before = before + b"\n" if before and not before.endswith(b"\n") else before
    lines_before = before.count(b"\n")
    with pytest.raises(CixError) as caught:
        Heard().read(Pieces(before + bad + b"\n" + after, lengths))

    assert caught.value.code is MESSAGE_MALFORMED
    assert f"Line {lines_before + 1} of" in caught.value.message
    assert "s-content" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_line_longer_than_what_is_read_at_once_arrives_whole() -> None:
    text = "ä" * 2_000_000
    heard = Heard()
    heard.read(io.BytesIO(json.dumps({"type": "STATE", "value": text}, ensure_ascii=False).encode()))

    assert heard.messages == [{"type": "STATE", "value": text}]


def test_decimals_keep_the_digits_that_the_source_wrote() -> None:
    heard = Heard()
    heard.read(io.BytesIO(b'{"type":"RECORD","stream":"a","record":{"x":1.10,"y":12345678901234567890.125,"z":1e2}}'))

    assert heard.messages[0]["record"] == {"x": "1.10", "y": "12345678901234567890.125", "z": "1e2"}


def test_a_file_of_text_reads_as_one_of_bytes(tmp_path: Any) -> None:
    path = tmp_path / "input.singer"
    path.write_text('{"type":"STATE","value":"ü"}\n', encoding="utf-8")
    heard = Heard()
    with path.open(encoding="utf-8") as source:
        heard.read(source)

    assert heard.messages == [{"type": "STATE", "value": "ü"}]


def test_text_in_memory_reads_as_well() -> None:
    heard = Heard()
    heard.read(io.StringIO('{"type":"STATE","value":"ü"}\n'))

    assert heard.messages == [{"type": "STATE", "value": "ü"}]


def test_lines_are_passed_on_as_they_come() -> None:
    heard = Heard()
    bulk = BulkReader()
    at_each_read: list[int] = []

    class Slow(Pieces):
        def read1(self, size: int = -1) -> bytes:
            at_each_read.append(len(heard.messages))
            assert bulk.waiting
            return super().read1(size)

    line = b'{"type":"STATE","value":1}\n'
    bulk.process_lines(Slow(line * 3, [len(line)] * 3), {"STATE": heard.messages.append})

    assert at_each_read == [0, 1, 2, 3]


def test_an_empty_input_holds_nothing() -> None:
    heard = Heard()

    assert heard.read(io.BytesIO(b"")) == {}
    assert heard.read(io.BytesIO(b"\n \n\n")) == {}
    assert heard.messages == []


def test_what_the_tap_still_writes_is_taken_so_that_its_pipe_does_not_break() -> None:
    theirs, ours = os.pipe()
    with os.fdopen(theirs, "rb") as source, ThreadPoolExecutor(1) as pool:
        discarding = pool.submit(BulkReader().discard, source, threading.Event())
        with os.fdopen(ours, "wb") as tap:
            tap.write(b"x" * 1_000_000)
        discarding.result(10)


@pytest.mark.parametrize("stopped", [True, False])
def test_a_silent_tap_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch, stopped: bool) -> None:
    monkeypatch.setattr(reader, "_DISCARD_SECONDS", 30.0 if stopped else 0.0)
    stop = threading.Event()
    if stopped:
        stop.set()
    theirs, ours = os.pipe()
    with os.fdopen(theirs, "rb") as source, os.fdopen(ours, "wb"):
        BulkReader().discard(source, stop)
