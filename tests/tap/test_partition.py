"""The rows of a partition, as its format says and as its first row shows."""

from __future__ import annotations

import csv
import io
import logging
from typing import Any

import pytest
from audience_sdk.errors import CixError
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_cix_segments import lines
from tap_cix_segments.model import CsvFormat, Partition
from tap_cix_segments.partition import Layout, PartitionReader, find_layout
from tap_cix_segments.report import SegmentReport

NAMES = ["CustomerId", "EMail", "City"]


def read(content: bytes, names: list[str] = NAMES, **csv_format: Any) -> tuple[list[list[str]], SegmentReport]:
    """Read the rows of a file, in the order of its columns."""
    report = SegmentReport("Readers", logging.getLogger("test"))
    reader = PartitionReader(io.BytesIO(content), Partition("1", "", CsvFormat(**csv_format)), names, report)
    order = reader.layout.order if reader.layout else []
    return [[row[place] for place in order] for rows in reader.blocks() for row in rows.values], report


# What a CSV can carry: no NUL, which Python 3.10 does not read, and no lone surrogates, which are no text.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(texts, texts, texts), max_size=20),
    delimiter=st.sampled_from(",;|\t"),
    # Python's writer leaves a carriage return unquoted where rows end in a line feed only: no reader can know that.
    style=st.sampled_from([(csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_MINIMAL, "\r\n")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    stated=st.sampled_from([True, False, None]),
    block=st.sampled_from([1, 7, 65536]),
)
def test_any_rows_come_back_as_they_were_written(
    rows: list[tuple[str, str, str]],
    delimiter: str,
    style: tuple[Any, str],
    encoding: str,
    stated: bool | None,
    block: int,
) -> None:
    text = io.StringIO(newline="")
    quoting, line_end = style
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows([NAMES, *rows])
    content = text.getvalue().encode(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block)
        back, report = read(content, delimiter=delimiter, header=stated, encoding=encoding.removesuffix("-sig"))
    assert [tuple(row) for row in back] == rows
    assert report.complete


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end(line_end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (1, 2, 3, 65536):
        monkeypatch.setattr(lines, "BLOCK_BYTES", size)
        report = SegmentReport("Readers", logging.getLogger("test"))
        content = io.BytesIO(line_end.join([b"CustomerId,EMail,City", b"1,a,b", b"2,c,d"]))
        blocks = PartitionReader(content, Partition("1", "", CsvFormat()), NAMES, report).blocks()
        rows = [(number, row) for block in blocks for number, row in zip(block.numbers, block.values, strict=True)]
        assert rows == [(2, ["1", "a", "b"]), (3, ["2", "c", "d"])]
        assert report.complete


def test_last_line_may_lack_its_end_and_empty_lines_are_no_rows() -> None:
    rows, report = read(b"CustomerId,EMail,City\n\n1,a,b\n\n2,c,d")
    assert rows == [["1", "a", "b"], ["2", "c", "d"]]
    assert report.complete


def test_quoted_line_breaks_and_embedded_quotes() -> None:
    rows, _ = read(b'CustomerId,EMail,City\r\n1,"Anna ""Lucky"" A","Frankfurt\r\nam Main"\r\n')
    assert rows == [["1", 'Anna "Lucky" A', "Frankfurt\r\nam Main"]]


def test_quotes_are_ordinary_where_the_style_has_none() -> None:
    rows, _ = read(b'CustomerId|EMail|City\n1|"a|5" tube\n', delimiter="|", quoted=False)
    assert rows == [["1", '"a', '5" tube']]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", "CustomerId,EMail,City\n1,ü,東京\n".encode()),
        ("utf-8", "\ufeffCustomerId,EMail,City\n1,ü,東京\n".encode()),
        ("utf-8", "CustomerId,EMail,City\n1,ü,東京\n".encode("utf-16")),
        ("utf-16", "CustomerId,EMail,City\n1,ü,東京\n".encode("utf-16")),
        ("utf-16-le", "\ufeffCustomerId,EMail,City\n1,ü,東京\n".encode("utf-16-le")),
        ("gb18030", "CustomerId,EMail,City\n1,ü,東京\n".encode("gb18030")),
    ],
)
def test_encoding_and_byte_order_mark(encoding: str, content: bytes) -> None:
    rows, report = read(content, encoding=encoding, header=True)
    assert rows == [["1", "ü", "東京"]]
    assert report.complete


@pytest.mark.parametrize("stated", [None, False])
def test_without_a_header_the_first_row_is_a_profile(stated: bool | None) -> None:
    assert read(b"1,a,b\n2,c,d\n", header=stated)[0] == [["1", "a", "b"], ["2", "c", "d"]]


@pytest.mark.parametrize("stated", [None, True, False])
@pytest.mark.parametrize(
    ("header", "order"),
    [
        (["CustomerId", "EMail", "City"], [0, 1, 2]),
        (["City", "CustomerId", "EMail"], [1, 2, 0]),
        (["customerid", " EMAIL ", "city"], [0, 1, 2]),
    ],
)
def test_header_is_known_by_its_names_and_gives_the_order(
    header: list[str], order: list[int], stated: bool | None
) -> None:
    assert find_layout(header, NAMES, stated) == Layout(order, has_header=True)


@pytest.mark.parametrize(
    ("first_row", "stated", "hint"),
    [
        (["1", "a@example.com", "Rome"], True, "0 of 3 columns"),
        (["CustomerId", "EMail", "Town"], None, "lacks City"),
        (["CustomerId", "EMail", "City", "Zip"], None, "4 columns where model.json lists 3"),
        (["CustomerId", "EMail", "City", "City"], True, "4 columns where model.json lists 3"),
    ],
)
def test_header_that_does_not_belong_to_the_model(first_row: list[str], stated: bool | None, hint: str) -> None:
    with pytest.raises(CixError, match="CIX-212") as caught:
        find_layout(first_row, NAMES, stated)
    assert hint in caught.value.message


def test_names_that_differ_only_in_case_are_told_apart() -> None:
    names = ["Name", "EMail", "Email"]
    assert find_layout(["Email", "EMail", "Name"], names, stated=None) == Layout([2, 1, 0], has_header=True)
    with pytest.raises(CixError, match="too alike"):
        find_layout(["email", "EMail", "Name"], names, stated=None)


def test_rows_are_numbered_as_a_spreadsheet_does() -> None:
    report = SegmentReport("Readers", logging.getLogger("test"))
    content = b'CustomerId,EMail,City\n1,a,"b\nb"\nbad\n2,c,d\n'
    reader = PartitionReader(io.BytesIO(content), Partition("1", "", CsvFormat()), NAMES, report)
    [rows] = reader.blocks()
    assert list(rows.numbers) == [2, 4]
    assert report.losses == "1 row"


def test_likely_delimiter_is_found_without_a_header_too() -> None:
    with pytest.raises(CixError, match="CIX-211") as caught:
        read(b"1;a;b\n2;c;d\n")
    assert "the likely delimiter is `;`" in caught.value.message


def test_first_profile_with_a_line_break_is_not_taken_for_a_wrong_delimiter() -> None:
    assert read(b'1,a,"x;y;\nz"\n')[0] == [["1", "a", "x;y;\nz"]]


class FailingFile(io.BytesIO):
    """A file whose second block cannot be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_rows_before_a_read_error_are_kept() -> None:
    report = SegmentReport("Readers", logging.getLogger("test"))
    content = b"CustomerId,EMail,City\n" + b"1,a,b\n" * 20_000
    reader = PartitionReader(FailingFile(content), Partition("1", "", CsvFormat()), NAMES, report)
    kept: list[list[str]] = []
    with pytest.raises(CixError, match=r"CIX-208: it cannot be read on after row \d+ \(Input/output error\)"):
        kept.extend(row for rows in reader.blocks() for row in rows.values)
    assert len(kept) > 10_000


def test_character_that_is_cut_off_at_the_end_is_told() -> None:
    rows, report = read("CustomerId,EMail,City\n1,a,b\n2,c,ü".encode()[:-1])
    assert rows == [["1", "a", "b"]]
    assert report.losses == "1 row"


def test_broken_utf16_ends_the_partition_with_an_error() -> None:
    content = "CustomerId,EMail,City\n1,a,b\n".encode("utf-16") + b"\x00\xdc\x00"
    with pytest.raises(CixError, match="CIX-208"):
        read(content, encoding="utf-16")


def test_memory_is_bounded_when_a_quote_is_never_closed() -> None:
    content = b'CustomerId,EMail,City\n1,"a,b\n' + b"2,c,d\n" * 100_000
    rows, report = read(content)
    assert not report.complete
    assert len(rows) > 70_000
