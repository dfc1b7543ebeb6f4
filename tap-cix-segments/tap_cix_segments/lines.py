"""Turns the bytes of a file into lines of text, and notices bytes that are not text."""

from __future__ import annotations

import codecs
import io
from itertools import chain
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 1 << 16


class Bytes(Protocol):
    """Whatever bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""


class Lines:
    """The lines of a file, with their line ends; a byte order mark at the beginning is left out.

    Args:
        file: The bytes.
        encoding: Their encoding.

    Attributes:
        undecodable: Whether bytes have been met that are not text in this encoding. They are in the lines as lone
            surrogates, where the encoding has a way to go on after them.
    """

    def __init__(self, file: Bytes, encoding: str) -> None:
        self.undecodable = False
        self._file = file
        self._first_block = file.read(BLOCK_BYTES)
        self._decoder = codecs.getincrementaldecoder(_with_mark(encoding, self._first_block))()

    def __iter__(self) -> Iterator[str]:
        """Read the file once.

        Raises:
            UnicodeDecodeError: After bytes that are not text, in an encoding that cannot go on after them.
        """
        return chain.from_iterable(self._blocks())

    def _blocks(self) -> Iterator[io.StringIO]:
        block, text = self._first_block, ""
        while block:
            text += self._decode(block)
            # A carriage return at the very end may be half of a line end.
            end = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1
            yield io.StringIO(text[:end], newline="")
            text = text[end:]
            block = self._file.read(BLOCK_BYTES)
        yield io.StringIO(text + self._decode(b"", final=True), newline="")

    def _decode(self, block: bytes, *, final: bool = False) -> str:
        try:
            return self._decoder.decode(block, final)
        except UnicodeDecodeError:
            self.undecodable = True
            self._decoder.errors = "surrogateescape"
            return self._decoder.decode(block, final)


def _with_mark(encoding: str, first_block: bytes) -> str:
    """Return the codec that leaves out a byte order mark; the mark of UTF-16 tells more than what is stated."""
    if first_block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and encoding.startswith(("utf-8", "utf-16")):
        return "utf-16"
    return "utf-8-sig" if encoding == "utf-8" else encoding
