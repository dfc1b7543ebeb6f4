"""How much of an import is read, and what is in an uploaded file."""

from __future__ import annotations

import csv
import io
from email.parser import BytesParser
from email.policy import HTTP
from typing import NamedTuple

import msgspec

_CUT = "cut"


class _RawImport(msgspec.Struct):
    import_data: list[msgspec.Raw]


class Upload(NamedTuple):
    """An uploaded file and the fields beside it."""

    file_name: str
    content: bytes
    fields: dict[str, str]


def rows_within(body: bytes, limit: int) -> int | None:
    """Return how many rows of a JSON import end within the first bytes of its body.

    Args:
        body: The body, a valid import.
        limit: Number of bytes that are read.

    Returns:
        The number of rows, or None when nothing is cut off.
    """
    if len(body) <= limit:
        return None
    position = 0
    rows = msgspec.json.decode(body, type=_RawImport).import_data
    for number, row in enumerate(rows):
        raw = bytes(row)
        position = body.index(raw, position) + len(raw)
        if position > limit:
            return number
    return len(rows)


def read_upload(content_type: str, body: bytes) -> Upload | None:
    """Read a multipart form; None when it has no file."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    upload = None
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        if name == "file" and part.get_filename():
            upload = Upload(str(part.get_filename()), content, fields)
        else:
            fields[str(name)] = content.decode("utf-8", "replace").strip()
    return upload


def csv_rows(content: bytes, byte_limit: int, line_limit: int) -> list[dict[str, str]]:
    """Read the rows of a CSV file with a heading, as much of it as an import reads.

    Args:
        content: The file.
        byte_limit: Number of bytes that are read; a row cut in two is not taken.
        line_limit: Number of lines that are read, the heading among them.
    """
    text = content[:byte_limit].decode("utf-8-sig", "ignore")
    cut = len(content) > byte_limit
    # The mark makes the last row one that is cut in two, also where the cut falls between two rows.
    lines = list(csv.reader(io.StringIO(text + _CUT if cut else text, newline="")))
    if cut:
        lines = lines[:-1]
    if not lines:
        return []
    heading = [name.strip() for name in lines[0]]
    return [dict(zip(heading, line, strict=False)) for line in lines[1:line_limit] if line]
